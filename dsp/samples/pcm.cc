#include "dsp/samples/pcm.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>

// Compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "dsp/samples/pcm.cc"
#include "dsp/simd/highway_targets.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace melmill {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Without the sign, the bits of floats are in the order of their magnitudes,
// with infinity and NaN above all others.
int32_t LargestBits(const float* samples, size_t num_samples) {
  const hn::ScalableTag<float> floats;
  const hn::RebindToSigned<decltype(floats)> d;
  const size_t num_lanes = hn::Lanes(d);
  const auto no_sign = hn::Set(d, 0x7fffffff);
  auto largest_of_lanes = hn::Zero(d);
  size_t i = 0;
  for (; i + num_lanes <= num_samples; i += num_lanes) {
    const auto bits = hn::BitCast(d, hn::LoadU(floats, samples + i));
    largest_of_lanes = hn::Max(largest_of_lanes, hn::And(bits, no_sign));
  }
  int32_t largest = hn::GetLane(hn::MaxOfLanes(d, largest_of_lanes));
  for (; i < num_samples; ++i) {
    const auto bits = std::bit_cast<int32_t>(samples[i]);
    largest = std::max(largest, bits & 0x7fffffff);
  }
  return largest;
}

// At most 2^15.
int32_t LargestOfInt16(const int16_t* samples, size_t num_samples) {
  const hn::ScalableTag<int16_t> d;
  const size_t num_lanes = hn::Lanes(d);
  auto most_of_lanes = hn::Zero(d);
  auto least_of_lanes = hn::Zero(d);
  size_t i = 0;
  for (; i + num_lanes <= num_samples; i += num_lanes) {
    const auto values = hn::LoadU(d, samples + i);
    most_of_lanes = hn::Max(most_of_lanes, values);
    least_of_lanes = hn::Min(least_of_lanes, values);
  }
  int32_t most = hn::GetLane(hn::MaxOfLanes(d, most_of_lanes));
  int32_t least = hn::GetLane(hn::MinOfLanes(d, least_of_lanes));
  for (; i < num_samples; ++i) {
    most = std::max<int32_t>(most, samples[i]);
    least = std::min<int32_t>(least, samples[i]);
  }
  return std::max(most, -least);
}

}  // namespace HWY_NAMESPACE
}  // namespace melmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace melmill {
namespace {

HWY_EXPORT(LargestBits);
HWY_EXPORT(LargestOfInt16);

constexpr int32_t kInfinityBits = 0x7f800000;

// A block this small stays in the first-level cache for the second look.
constexpr size_t kScanBlockSamples = 1024;

bool IsNonFinite(float sample) {
  constexpr uint32_t kExponent = 0x7f800000u;
  return (std::bit_cast<uint32_t>(sample) & kExponent) == kExponent;
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

float LargestMagnitude(std::span<const float> samples) {
  return std::bit_cast<float>(
      HWY_DYNAMIC_DISPATCH(LargestBits)(samples.data(), samples.size()));
}

float LargestMagnitude(std::span<const int16_t> samples) {
  return static_cast<float>(HWY_DYNAMIC_DISPATCH(LargestOfInt16)(
             samples.data(), samples.size())) /
         32768;
}

int64_t FindNonFinite(std::span<const float> samples) {
  for (size_t start = 0; start < samples.size(); start += kScanBlockSamples) {
    const auto block = samples.subspan(
        start, std::min(kScanBlockSamples, samples.size() - start));
    if (HWY_DYNAMIC_DISPATCH(LargestBits)(block.data(), block.size()) <
        kInfinityBits) {
      continue;
    }
    const auto first = std::find_if(block.begin(), block.end(), IsNonFinite);
    return static_cast<int64_t>(start) + (first - block.begin());
  }
  return -1;
}

}  // namespace melmill

#endif  // HWY_ONCE
