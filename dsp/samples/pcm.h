#ifndef MELMILL_DSP_SAMPLES_PCM_H_
#define MELMILL_DSP_SAMPLES_PCM_H_

#include <cstdint>
#include <span>

namespace melmill {

// Samples are floats whose nominal range is [-1, 1]; values outside are kept.

// The mean of the channels, in float as librosa.to_mono takes it: channels
// added in order, then divided by their number. (The same bits up to 7
// channels; from 8 on NumPy adds in pairs: docs/numerics.md.) `interleaved`
// holds mono.size() * num_channels samples; in and out may not overlap, except
// that they may be the same memory when num_channels is 1.
void DownmixToMono(std::span<const float> interleaved, int num_channels,
                   std::span<float> mono);

// The index of the first NaN or infinity, or -1.
int64_t FindNonFinite(std::span<const float> samples);

}  // namespace melmill

#endif  // MELMILL_DSP_SAMPLES_PCM_H_
