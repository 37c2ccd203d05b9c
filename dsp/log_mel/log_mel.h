#ifndef MELMILL_DSP_LOG_MEL_LOG_MEL_H_
#define MELMILL_DSP_LOG_MEL_LOG_MEL_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>

#include "dsp/features/feature_type.h"
#include "dsp/log_mel/mel_filter_bank.h"
#include "dsp/log_mel/window.h"
#include "dsp/simd/simd_target.h"

namespace melmill {

// Log-mel features of one clip, as transformers' WhisperFeatureExtractor
// computes them from one utterance that is not padded (docs/numerics.md):
//
//   samples -> reflected by n_fft / 2 at both ends -> frames of n_fft, every
//   hop_length -> window -> |DFT|^2 -> mel filters
//   -> log10(max(., power_floor))
//   -> max with (clip maximum - dynamic_range) -> (x + 4) / 4
struct LogMelOptions {
  MelFilterBankOptions mel;  // sample rate, n_fft, n_mels, edges, scale
  int hop_length = 160;      // samples from one frame to the next
  WindowType window = WindowType::kHann;  // n_fft long, periodic
  double power_floor = 1e-10;             // of the mel power, before the log
  double dynamic_range_log10 = 8.0;       // below the clip maximum
};

// What a reader needs, in addition to the features, to compute any padded form
// of a clip.
struct ClipLevels {
  // Largest log10 mel power of the frames that lie completely before the clip's
  // end: for even n_fft the frames with t * hop + n_fft / 2 <= num_samples.
  float body_max = 0;
  // What max(feature, floor) must use to be the form of this utterance alone:
  // (max(maximum over all frames - dynamic_range, log10(power_floor)) + 4) / 4.
  float floor = 0;
};

// The smallest clip that can be reflected and has a frame: n_fft / 2 + 1
// samples, or a hop where that is longer.
int64_t MinNumSamples(const LogMelOptions& options);

// The number of frames the extractor returns; num_samples / hop_length,
// rounded down, for even n_fft.
int64_t NumFrames(const LogMelOptions& options, int64_t num_samples);

// Samples of a clip that lie in memory: all of them, or those of a window that
// moves over a long clip. Sample: float in [-1, 1], nominally, or int16_t,
// which counts 1 / 32768.
template <typename Sample>
struct ClipWindow {
  std::span<const Sample> samples;  // of the clip, from first_sample on
  int64_t first_sample = 0;
  int64_t num_clip_samples = 0;  // of the whole clip
};

// Frames [first, first + count) of a clip.
struct FrameRange {
  int64_t first = 0;
  int64_t count = 0;
};

// Long clips are computed in pieces of this many frames (30.24 s at a hop of
// 160). The last bits of a frame may depend on its place in the piece, but
// never on how the clip is read. A piece is 16 segments of 189 frames; with a
// power of 2 the segments of the SIMD kernel would share cache sets.
inline constexpr int64_t kPieceFrames = 16 * 189;

// Largest log10 mel power of the frames that were computed, at least
// log10(power_floor).
struct FrameMaxima {
  float body = -std::numeric_limits<float>::infinity();  // see ClipLevels
  float all = -std::numeric_limits<float>::infinity();
};

// The transform. An object is immutable and serves any number of threads,
// each with a workspace of its own.
class LogMel {
 public:
  // Scratch memory for one clip at a time; made once per worker.
  class Workspace {
   public:
    virtual ~Workspace() = default;
  };

  explicit LogMel(const LogMelOptions& options) : options_(options) {}
  virtual ~LogMel() = default;

  const LogMelOptions& options() const { return options_; }

  virtual std::unique_ptr<Workspace> MakeWorkspace() const = 0;

  // Computes one piece: range.first is a multiple of kPieceFrames, range.count
  // kPieceFrames or, at the clip's end, less. The window holds the clip's
  // samples from n_fft / 2 before the first frame's centre to n_fft / 2 after
  // the last one's, as far as they exist. `features`: range.count * n_mels
  // values of `type`, aligned to it, frame after frame; they are not clamped
  // yet, and where the power is below the floor they may have any value below
  // what the floor gives. Raises `*maxima`.
  virtual void ComputePiece(const ClipWindow<float>& clip, FrameRange range,
                            FeatureType type, std::span<std::byte> features,
                            Workspace& workspace,
                            FrameMaxima* maxima) const = 0;
  virtual void ComputePiece(const ClipWindow<int16_t>& clip, FrameRange range,
                            FeatureType type, std::span<std::byte> features,
                            Workspace& workspace,
                            FrameMaxima* maxima) const = 0;

  // The levels of a clip, all of whose pieces were computed.
  ClipLevels Levels(const FrameMaxima& maxima) const;

  // The last step: clamps features of any part of the clip at the floor of its
  // body alone, (max(body_max - dynamic_range, log10(power_floor)) + 4) / 4,
  // which no padding of the clip can undercut: see ClipLevels::floor.
  void Clamp(const ClipLevels& levels, FeatureType type,
             std::span<std::byte> features) const;

  // All steps for a clip in memory, of at least MinNumSamples. `features`:
  // NumFrames * n_mels values. Those of the shorter types are the float32
  // values, rounded to nearest even.
  ClipLevels Compute(std::span<const float> samples, FeatureType type,
                     std::span<std::byte> features, Workspace& workspace) const;
  ClipLevels Compute(std::span<const int16_t> samples, FeatureType type,
                     std::span<std::byte> features, Workspace& workspace) const;

 private:
  float NormalisedFloor(float max_log10_power) const;

  LogMelOptions options_;
};

// The general path: any n_fft, hop and window; FFTW in double precision.
// Throws std::invalid_argument for options out of range. Not cheap (plans an
// FFT); may be called from any thread.
std::unique_ptr<LogMel> MakeFftwLogMel(const LogMelOptions& options);

// Its name and version, for a store's producer record: FFTW's version, and
// whether this machine's fused multiply-adds are used in it (FFTW and the C
// library choose their code at run time).
std::string FftwLogMelVersion();

// The fast path: n_fft 400 and hop 160 in single precision, in the SIMD code
// of `target`, which this machine must support. Within 5e-5 of the general
// path on speech (docs/numerics.md); clips with samples of 2^20 and more, whose
// powers would not fit a float, are left to the general path. Null for other
// options. Throws as MakeFftwLogMel.
std::unique_ptr<LogMel> MakeSimdLogMel(const LogMelOptions& options,
                                       SimdTarget target);

// The same for every target that fuses multiply-adds: they give the same bits.
std::string SimdLogMelVersion(SimdTarget target);

}  // namespace melmill

#endif  // MELMILL_DSP_LOG_MEL_LOG_MEL_H_
