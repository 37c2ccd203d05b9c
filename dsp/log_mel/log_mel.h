#ifndef MELMILL_DSP_LOG_MEL_LOG_MEL_H_
#define MELMILL_DSP_LOG_MEL_LOG_MEL_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>

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

// The two numbers that a reader needs, besides the features, to compute any
// padded form of a clip.
struct ClipLevels {
  // The largest log10 mel power of the frames that lie completely before the
  // clip's end. For even n_fft these are the frames with t * hop +
  // n_fft / 2 <= num_samples.
  float body_max = 0;
  // max(feature, floor) gives the features of this utterance alone, without
  // padding. The floor is (max(maximum over all frames - dynamic_range,
  // log10(power_floor)) + 4) / 4.
  float floor = 0;
};

// The least feature of a clip with this maximum: (max(max_log10_power -
// dynamic_range, log10(power_floor)) + 4) / 4.
float NormalisedFloor(const LogMelOptions& options, float max_log10_power);

// The length of the shortest clip that can be reflected and has a frame:
// n_fft / 2 + 1 samples, or a hop if that is longer.
int64_t MinNumSamples(const LogMelOptions& options);

// The number of frames the extractor returns. For even n_fft it is
// num_samples / hop_length, rounded down.
int64_t NumFrames(const LogMelOptions& options, int64_t num_samples);

// How many of these frames reach beyond the clip's end; they are the last ones.
// With a hop of over n_fft / 4 it is at most one.
int64_t NumEndFrames(const LogMelOptions& options, int64_t num_samples);

// The samples of a clip that are in memory: all of them, or those of a window
// that moves over a long clip. Sample is float, nominally in [-1, 1], or
// int16_t, in units of 1 / 32768.
template <typename Sample>
struct ClipWindow {
  std::span<const Sample> samples;  // from first_sample on
  int64_t first_sample = 0;
  int64_t num_clip_samples = 0;  // of the whole clip
};

// Frames [first, first + count) of a clip.
struct FrameRange {
  int64_t first = 0;
  int64_t count = 0;
};

// Long clips are computed in pieces of this many frames (30.24 s at a hop of
// 160). The last bits of a frame may depend on its position in the piece, but
// never on how the clip is read. A piece is 16 segments of 189 frames; if their
// length were a power of 2, the segments would share cache sets in the SIMD
// kernel.
inline constexpr int64_t kPieceFrames = 16 * 189;

// The largest log10 mel power of the frames computed so far, at least
// log10(power_floor).
struct FrameMaxima {
  float body = -std::numeric_limits<float>::infinity();  // see ClipLevels
  float all = -std::numeric_limits<float>::infinity();
};

// The transform from samples to features. An object is immutable and serves any
// number of threads, each with a workspace of its own.
class LogMel {
 public:
  // Scratch memory for one clip at a time. Each worker makes one.
  class Workspace {
   public:
    virtual ~Workspace() = default;
  };

  explicit LogMel(const LogMelOptions& options) : options_(options) {}
  virtual ~LogMel() = default;

  const LogMelOptions& options() const { return options_; }

  virtual std::unique_ptr<Workspace> MakeWorkspace() const = 0;

  // Computes one piece. range.first is a multiple of kPieceFrames; range.count
  // is kPieceFrames, or less at the clip's end. The window holds the clip's
  // samples from n_fft / 2 before the first frame's centre to n_fft / 2 after
  // the last one's, as far as they exist.
  //
  // `features` has room for range.count * n_mels values of ComputedSize(type)
  // bytes, aligned to it, frame after frame. They are not clamped yet: where
  // the power is below the floor, they may have any value below that of the
  // floor. Raises `*maxima`.
  virtual void ComputePiece(const ClipWindow<float>& clip, FrameRange range,
                            FeatureType type, std::span<std::byte> features,
                            Workspace& workspace,
                            FrameMaxima* maxima) const = 0;
  virtual void ComputePiece(const ClipWindow<int16_t>& clip, FrameRange range,
                            FeatureType type, std::span<std::byte> features,
                            Workspace& workspace,
                            FrameMaxima* maxima) const = 0;

  // The levels of a clip. All its pieces must have been computed.
  ClipLevels Levels(const FrameMaxima& maxima) const;

  // NormalisedFloor of the clip's body. No padding of the clip can lead to a
  // lower one (see ClipLevels::floor).
  float BodyFloor(const ClipLevels& levels) const;

  // The last step: clamps the features of any part of the clip at BodyFloor,
  // and makes them what is stored. Returns that; it begins where `features`
  // begins. Bytes (kUint8) count from BodyFloor, except those of the last
  // num_end_frames frames of the part: they reach beyond the clip's end, and
  // count from ClipLevels::floor. No padded form has these frames, and their
  // values may be more than the range of a byte above BodyFloor.
  std::span<std::byte> Clamp(const ClipLevels& levels, FeatureType type,
                             int64_t num_end_frames,
                             std::span<std::byte> features) const;

  // All steps for a clip in memory. The clip has at least MinNumSamples
  // samples, `features` room for NumFrames * n_mels computed values; the stored
  // ones begin where it begins. Values of the 16-bit types are the float32
  // values, rounded to nearest even.
  ClipLevels Compute(std::span<const float> samples, FeatureType type,
                     std::span<std::byte> features, Workspace& workspace) const;
  ClipLevels Compute(std::span<const int16_t> samples, FeatureType type,
                     std::span<std::byte> features, Workspace& workspace) const;

 private:
  LogMelOptions options_;
};

// The general path: any n_fft, hop and window, in double precision
// (dsp/log_mel/frame_dft.h). Throws std::invalid_argument for options out of
// range. Any thread may call. Not cheap: it plans a DFT.
std::unique_ptr<LogMel> MakeGeneralLogMel(const LogMelOptions& options);

// What computes the general path's DFT: "fftw" or "plain".
std::string_view GeneralLogMelName();

// The general path's name and version, for a store's producer record. It has
// the DFT's version and whether fused multiply-adds are used on this machine,
// since FFTW and the C library choose their code at run time.
std::string GeneralLogMelVersion();

// The fast path: n_fft 400 and hop 160 in single precision, in the SIMD code of
// `target`, which this machine must support. It is within 5e-5 of the general
// path on speech (docs/numerics.md). Clips with samples of 2^20 or more, whose
// powers would not fit a float, take the general path. Returns null for other
// options; throws as MakeGeneralLogMel does.
std::unique_ptr<LogMel> MakeSimdLogMel(const LogMelOptions& options,
                                       SimdTarget target);

// The fast path's name and version. All targets that fuse multiply-adds have
// the same one, and give the same bits.
std::string SimdLogMelVersion(SimdTarget target);

}  // namespace melmill

#endif  // MELMILL_DSP_LOG_MEL_LOG_MEL_H_
