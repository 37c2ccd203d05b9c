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
// is cut. One object serves one clip on one thread; objects on different
// threads are independent. Equal rates copy.
//
// Throws std::invalid_argument for a rate that is not positive.
class Resampler {
 public:
  Resampler(int source_rate_hz, int target_rate_hz);
  ~Resampler();
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;

  // Appends the samples that are ready to `*output`.
  void Process(std::span<const float> block, std::vector<float>* output);

  // Appends the rest, so that all calls together appended exactly
  // ResampledLength(samples given) samples. The object is used up then.
  void Finish(std::vector<float>* output);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace melmill

#endif  // MELMILL_DSP_RESAMPLER_H_
