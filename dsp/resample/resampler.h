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
// with ratio and product in float64. Equal rates keep the length.
int64_t ResampledLength(int64_t num_samples, int source_rate_hz,
                        int target_rate_hz);

// The name and version of a Resampler's code, for a store's producer record.
// The same string means the same bits.
std::string ResamplerVersion(std::optional<SimdTarget> spectral_target);

// Changes the sample rate of one mono clip as
// librosa.resample(res_type="soxr_hq") does: linear phase, zeros assumed on
// both sides, and a length of ResampledLength (the output is cut, or extended
// with a zero). If the rates are equal, it copies.
//
// With a spectral target, the rates that SpectralSupports names go through this
// library's own resampler (spectral_resampler.h). All other rates, and all
// rates without a spectral target, go through libsoxr.
//
// A clip comes in blocks of any size; the output does not depend on how it is
// cut. One object serves one clip after another on one thread. Objects on
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

  // Appends the rest: all calls together have then appended exactly
  // ResampledLength(samples given) samples. The next call must be Start.
  void Finish(SampleVector* output);

 private:
  std::optional<SimdTarget> spectral_target_;
  std::unique_ptr<ResampleEngine> soxr_;  // made when first needed
  std::unique_ptr<ResampleEngine> spectral_;
  ResampleEngine* engine_ = nullptr;  // null for equal rates
};

}  // namespace melmill

#endif  // MELMILL_DSP_RESAMPLE_RESAMPLER_H_
