#ifndef MELMILL_DSP_SAMPLES_PCM_H_
#define MELMILL_DSP_SAMPLES_PCM_H_

#include <cstdint>
#include <span>

namespace melmill {

// Samples are floats whose nominal range is [-1, 1]. Values outside it are
// kept.

// The mean of the channels, computed as librosa.to_mono does: channels added in
// order, in float, then divided by their number. (The bits are the same up to 7
// channels; from 8 on NumPy adds in pairs: docs/numerics.md.) `interleaved`
// holds mono.size() * num_channels samples. Input and output must not overlap,
// except that they may be the same memory if num_channels is 1.
void DownmixToMono(std::span<const float> interleaved, int num_channels,
                   std::span<float> mono);

// The largest absolute sample; 0 without samples, NaN or infinity if there is
// one. 16-bit samples are divided by 2^15.
float LargestMagnitude(std::span<const float> samples);
float LargestMagnitude(std::span<const int16_t> samples);

// The index of the first NaN or infinity, or -1.
int64_t FindNonFinite(std::span<const float> samples);

}  // namespace melmill

#endif  // MELMILL_DSP_SAMPLES_PCM_H_
