#ifndef MELMILL_DSP_RESAMPLE_RESAMPLE_ENGINE_H_
#define MELMILL_DSP_RESAMPLE_RESAMPLE_ENGINE_H_

#include <span>

#include "dsp/samples/sample_vector.h"

namespace melmill {

// An implementation of Resampler for two different, positive rates. Its calls
// come in the same order and follow the same rules for threads.
class ResampleEngine {
 public:
  virtual ~ResampleEngine() = default;

  virtual void Start(int source_rate_hz, int target_rate_hz) = 0;
  virtual void Process(std::span<const float> block, SampleVector* output) = 0;
  virtual void Finish(SampleVector* output) = 0;
};

}  // namespace melmill

#endif  // MELMILL_DSP_RESAMPLE_RESAMPLE_ENGINE_H_
