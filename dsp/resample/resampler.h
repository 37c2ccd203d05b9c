#ifndef MELMILL_DSP_RESAMPLE_RESAMPLER_H_
#define MELMILL_DSP_RESAMPLE_RESAMPLER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "dsp/resample/resample_engine.h"
#include "dsp/samples/sample_vector.h"
#include "dsp/simd/simd_target.h"

namespace melmill {

// The length librosa.resample gives: ceil(num_samples * (target / source)),
// the ratio and the product in float64. Equal rates keep the length.
int64_t ResampledLength(int64_t num_samples, int source_rate_hz,
                        int target_rate_hz);

// What a Resampler computes with, for a store's producer record: the same
// string means the same bits.
std::string ResamplerVersion(std::optional<SimdTarget> spectral_target);

// Changes the sample rate of one mono clip, as
// librosa.resample(res_type="soxr_hq") does: linear phase, zeros assumed on
// both sides, length as above (the output is extended with a zero or cut).
// Equal rates copy.
//
// With a spectral target, the rates that SpectralSupports names go through
// this library's own resampler (spectral_resampler.h); all others, and all
// without one, through libsoxr.
//
// Takes a clip in blocks of any sizes; the output does not depend on how it
// is cut. One object serves one clip after another on one thread; objects on
// different threads are independent.
class Resampler {
 public:
  explicit Resampler(std::optional<SimdTarget> spectral_target);
  ~Resampler();
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;

  // Begins a clip. Throws std::invalid_argument for a rate that is not
  // positive. Equal rates allocate nothing.
  void Start(int source_rate_hz, int target_rate_hz);

  // Appends the samples that are ready to `*output`.
  void Process(std::span<const float> block, SampleVector* output);

  // Appends the rest, so that all calls together appended exactly
  // ResampledLength(samples given) samples. Start must come next.
  void Finish(SampleVector* output);

 private:
  std::optional<SimdTarget> spectral_target_;
  std::unique_ptr<ResampleEngine> soxr_;  // made when first needed
  std::unique_ptr<ResampleEngine> spectral_;
  ResampleEngine* engine_ = nullptr;  // null for equal rates
};

}  // namespace melmill

#endif  // MELMILL_DSP_RESAMPLE_RESAMPLER_H_
