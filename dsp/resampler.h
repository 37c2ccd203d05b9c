#ifndef MELMILL_DSP_RESAMPLER_H_
#define MELMILL_DSP_RESAMPLER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace melmill {

// The length librosa.resample gives: ceil(num_samples * (target / source)),
// the ratio and the product in float64. Equal rates keep the length.
int64_t ResampledLength(int64_t num_samples, int source_rate_hz,
                        int target_rate_hz);

// Name and version of the resampling library, for a store's producer record.
std::string_view ResamplerVersion();

// Changes the sample rate of one mono clip with soxr's HQ recipe, as
// librosa.resample(res_type="soxr_hq") does: linear phase, zeros assumed on
// both sides, length as above (the output is extended with a zero or cut).
//
// Takes a clip in blocks of any sizes; the output does not depend on how it
// is cut. One object serves one clip after another on one thread; objects on
// different threads are independent. Equal rates copy.
class Resampler {
 public:
  Resampler();
  Resampler(int source_rate_hz, int target_rate_hz);  // Start
  ~Resampler();
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;

  // Begins a clip. Throws std::invalid_argument for a rate that is not
  // positive. Equal rates allocate nothing.
  void Start(int source_rate_hz, int target_rate_hz);

  // Appends the samples that are ready to `*output`.
  void Process(std::span<const float> block, std::vector<float>* output);

  // Appends the rest, so that all calls together appended exactly
  // ResampledLength(samples given) samples. Start must come next.
  void Finish(std::vector<float>* output);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace melmill

#endif  // MELMILL_DSP_RESAMPLER_H_
