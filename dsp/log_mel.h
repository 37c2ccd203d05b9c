#ifndef MELMILL_DSP_LOG_MEL_H_
#define MELMILL_DSP_LOG_MEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "dsp/mel_filter_bank.h"
#include "dsp/window.h"

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

// How feature values are stored: IEEE binary16 or binary32, in the byte order
// of the machine (little-endian on every supported one).
enum class FeatureType { kFloat16, kFloat32 };
size_t FeatureSize(FeatureType type);                // 2 or 4 bytes
std::string_view FeatureTypeName(FeatureType type);  // "f16", "f32"

// What a reader needs, beside the features, to get any padded form of a clip.
struct ClipLevels {
  // Largest log10 mel power over the frames that lie wholly in front of the
  // clip's end: for even n_fft those with t * hop + n_fft / 2 <= num_samples.
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

// The transform. An object is immutable and serves any number of threads,
// each with a workspace of its own.
class LogMel {
 public:
  // Scratch memory for one clip at a time; made once per worker.
  class Workspace {
   public:
    virtual ~Workspace() = default;
  };

  virtual ~LogMel() = default;

  virtual std::unique_ptr<Workspace> MakeWorkspace() const = 0;

  // `samples`: the whole clip at the options' sample rate, at least
  // MinNumSamples. `features`: NumFrames * n_mels values of `type`, frame
  // after frame, aligned to the type. They are clamped at the floor of the
  // body alone, (max(body_max - dynamic_range, log10(power_floor)) + 4) / 4,
  // which no padding of the clip can undercut: see ClipLevels::floor.
  // float16 values are the float32 values rounded to nearest even.
  virtual ClipLevels Compute(std::span<const float> samples, FeatureType type,
                             std::span<std::byte> features,
                             Workspace& workspace) const = 0;
};

// Name and version of what computes the general path, for a store's producer
// record: FFTW's version, and whether this machine's fused multiply-adds are
// used in it (FFTW and the C library choose their code at run time).
std::string FftwLogMelVersion();

// The general path: any n_fft, hop and window; FFTW in double precision.
// Throws std::invalid_argument for options out of range. Not cheap (plans an
// FFT); may be called from any thread.
std::unique_ptr<LogMel> MakeFftwLogMel(const LogMelOptions& options);

}  // namespace melmill

#endif  // MELMILL_DSP_LOG_MEL_H_
