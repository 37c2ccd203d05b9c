#include "dsp/pcm.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>

namespace melmill {
namespace {

// Small enough to stay in the first-level cache for the second look.
constexpr size_t kScanBlockSamples = 1024;

bool IsNonFinite(float sample) {
  constexpr uint32_t kExponent = 0x7f800000u;
  return (std::bit_cast<uint32_t>(sample) & kExponent) == kExponent;
}

// Without an exit from the loop, so that it becomes vector code.
bool AnyNonFinite(std::span<const float> samples) {
  uint32_t any = 0;
  for (const float sample : samples) any |= IsNonFinite(sample) ? 1u : 0u;
  return any != 0;
}

}  // namespace

void DownmixToMono(std::span<const float> interleaved, int num_channels,
                   std::span<float> mono) {
  assert(num_channels > 0);
  const size_t stride = static_cast<size_t>(num_channels);
  assert(interleaved.size() == mono.size() * stride);
  if (num_channels == 1) {
    if (interleaved.data() != mono.data()) {
      std::copy(interleaved.begin(), interleaved.end(), mono.begin());
    }
    return;
  }
  const float divisor = static_cast<float>(num_channels);
  for (size_t i = 0; i < mono.size(); ++i) {
    const float* channels = interleaved.data() + i * stride;
    float sum = channels[0];
    for (size_t c = 1; c < stride; ++c) sum += channels[c];
    mono[i] = sum / divisor;
  }
}

int64_t FindNonFinite(std::span<const float> samples) {
  for (size_t start = 0; start < samples.size(); start += kScanBlockSamples) {
    const auto block = samples.subspan(
        start, std::min(kScanBlockSamples, samples.size() - start));
    if (!AnyNonFinite(block)) continue;
    const auto first = std::find_if(block.begin(), block.end(), IsNonFinite);
    return static_cast<int64_t>(start) + (first - block.begin());
  }
  return -1;
}

}  // namespace melmill
