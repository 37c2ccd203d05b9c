#ifndef MELMILL_DSP_LOG_MEL_LOG_MEL_KERNEL_H_
#define MELMILL_DSP_LOG_MEL_LOG_MEL_KERNEL_H_

#include <cstddef>
#include <cstdint>

#include "dsp/log_mel/log_mel.h"
#include "dsp/log_mel/log_mel_tables.h"
#include "dsp/simd/aligned_array.h"
#include "dsp/simd/simd_target.h"

namespace melmill {

// Log-mel features of up to kKernelMaxFrames frames of a clip, with one frame
// in each vector lane.
//
// The frames are cut into 16 segments of equal length (the last ones may be
// shorter, or empty), and each lane runs through one segment. A ring of 400
// vectors holds the last 400 samples of every lane. A step overwrites the 160
// oldest of them. The ring then holds the next frame rotated. A rotation
// changes only the phases of the spectrum, so the power spectrum is right if
// the window is rotated too (log_mel_tables.h).
//
// Targets with fewer lanes run through the segments in groups. The numbers
// therefore depend on the frame range only. All targets that fuse multiply-adds
// give the same bits; those that do not give other bits, also all the same.
inline constexpr int kKernelNumSegments = 16;

inline constexpr int64_t kKernelMaxFrames = kPieceFrames;

// Scratch memory for one thread.
struct LogMelScratch {
  explicit LogMelScratch(int num_mels);

  AlignedArray<float> ring;       // [row][column][lane]
  AlignedArray<float> spectrum;   // [residue][k2][re, im][lane]; powers
  AlignedArray<float> mels;       // [mel][lane] of float or 16 bits
  AlignedArray<float> staged;     // [lane][400] samples at the clip's ends
  AlignedArray<float> silence;    // [400] zeros
  AlignedArray<float> spare_row;  // takes the rows of lanes without a frame
};

// The largest normalised value, (log10 mel power + 4) / 4: of the frames that
// lie completely before the clip's end, and of all frames.
struct KernelMaxima {
  float body;
  float all;
};

// Computes frames [first_frame, first_frame + num_frames) and writes them to
// `features` without any clamping: a power of 0 gives about -8.5. num_frames is
// from 1 to kKernelMaxFrames. Raises `maxima`.
template <typename Sample>
using KernelFunction = void (*)(const ClipWindow<Sample>& clip,
                                int64_t first_frame, int64_t num_frames,
                                FeatureType type, std::byte* features,
                                const LogMelTables& tables,
                                LogMelScratch& scratch, KernelMaxima* maxima);

struct LogMelKernel {
  KernelFunction<int16_t> pcm16;
  KernelFunction<float> floats;
  // Whether no magnitude is `limit` or more, infinity or NaN.
  bool (*all_below)(const float* values, size_t count, float limit);
};

// Returns null if the kernel is not compiled for this target.
const LogMelKernel* FindLogMelKernel(SimdTarget target);

}  // namespace melmill

#endif  // MELMILL_DSP_LOG_MEL_LOG_MEL_KERNEL_H_
