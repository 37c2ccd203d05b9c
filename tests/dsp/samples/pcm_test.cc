#include "dsp/samples/pcm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <span>
#include <vector>

#include "tests/support/highway_targets.h"

namespace melmill {
namespace {

std::vector<float> Mono(const std::vector<float>& interleaved,
                        int num_channels) {
  std::vector<float> mono(interleaved.size() /
                          static_cast<size_t>(num_channels));
  DownmixToMono(interleaved, num_channels, mono);
  return mono;
}

TEST(DownmixToMono, TakesTheMeanOfTheChannels) {
  EXPECT_EQ(Mono({1.0f, 0.5f, -1.0f, 0.0f}, 2),
            (std::vector<float>{0.75f, -0.5f}));
}

// In another order, or in double precision, the small values would add up.
TEST(DownmixToMono, AddsInFloatFromTheFirstChannelOn) {
  constexpr float kLostInOne = 0x1p-24f;
  EXPECT_EQ(Mono({1.0f, kLostInOne, kLostInOne, 0.0f}, 4),
            std::vector<float>{0.25f});
  EXPECT_EQ(Mono({kLostInOne, kLostInOne, 1.0f, 0.0f}, 4),
            std::vector<float>{(1.0f + 0x1p-23f) / 4});
}

// 0.3f * (1 / 3.0f) and 0.3f / 3 are different floats.
TEST(DownmixToMono, DividesRatherThanMultipliesByTheReciprocal) {
  const float third = 0.3f / 3.0f;
  ASSERT_NE(third, 0.3f * (1.0f / 3.0f));
  EXPECT_EQ(Mono({0.3f, 0.0f, 0.0f}, 3), std::vector<float>{third});
}

TEST(DownmixToMono, CopiesOneChannel) {
  const std::vector<float> samples = {0.25f, -3.0f, 1e-30f};
  EXPECT_EQ(Mono(samples, 1), samples);
}

TEST(DownmixToMono, LeavesOneChannelInPlace) {
  std::vector<float> samples = {0.25f, -3.0f, 1e-30f};
  const auto before = samples;
  DownmixToMono(samples, 1, samples);
  EXPECT_EQ(samples, before);
}

TEST(DownmixToMono, HandlesNoSamples) { EXPECT_TRUE(Mono({}, 2).empty()); }

TEST(LargestMagnitude, IsThatOfTheLargestSampleAtEveryPosition) {
  ForEachHighwayTarget([&] {
    EXPECT_EQ(LargestMagnitude(std::span<const float>()), 0.0f);
    EXPECT_EQ(LargestMagnitude(std::span<const int16_t>()), 0.0f);
    for (const size_t size : {1, 2, 3, 7, 17, 31, 63, 100, 2100}) {
      for (size_t i = 0; i < size; ++i) {
        for (const int sign : {1, -1}) {
          std::vector<float> floats(size, 0.25f * static_cast<float>(-sign));
          floats[i] = 1.5f * static_cast<float>(sign);
          ASSERT_EQ(LargestMagnitude(floats), 1.5f) << size << ' ' << i;
          std::vector<int16_t> pcm16(size, static_cast<int16_t>(-sign * 100));
          pcm16[i] = static_cast<int16_t>(sign * 16'384);
          ASSERT_EQ(LargestMagnitude(pcm16), 0.5f) << size << ' ' << i;
        }
      }
    }
  });
}

TEST(LargestMagnitude, TakesFullScaleForWhatItIs) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  ForEachHighwayTarget([&] {
    for (const size_t size : {1, 100}) {
      std::vector<int16_t> pcm16(size);
      pcm16[size / 2] = 32'767;
      EXPECT_EQ(LargestMagnitude(pcm16), 32'767.0f / 32'768);
      pcm16[size - 1] = -32'768;
      EXPECT_EQ(LargestMagnitude(pcm16), 1.0f);
      std::vector<float> floats(size);
      floats[size / 2] = -kInfinity;
      EXPECT_EQ(LargestMagnitude(floats), kInfinity);
      floats[size / 2] = kNan;
      EXPECT_TRUE(std::isnan(LargestMagnitude(floats)));
    }
  });
}

TEST(FindNonFinite, FindsNothingInFiniteSamples) {
  constexpr float kExtremes[] = {0.0f, -0.0f, std::numeric_limits<float>::max(),
                                 std::numeric_limits<float>::lowest(),
                                 std::numeric_limits<float>::denorm_min()};
  std::vector<float> samples;
  ForEachHighwayTarget([&] {
    EXPECT_EQ(FindNonFinite({}), -1);
    for (samples.clear(); samples.size() < 2000;) {
      samples.insert(samples.end(), std::begin(kExtremes), std::end(kExtremes));
      ASSERT_EQ(FindNonFinite(samples), -1);
    }
  });
}

// Long spans are searched in blocks, and each block in vectors.
TEST(FindNonFinite, FindsEachKindAtEveryPosition) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  ForEachHighwayTarget([&] {
    for (const size_t size : {1, 2, 3, 7, 17, 31, 63, 100, 2100}) {
      std::vector<float> samples(size, 0.5f);
      for (const float bad :
           {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity}) {
        for (size_t i = 0; i < size; ++i) {
          samples[i] = bad;
          ASSERT_EQ(FindNonFinite(samples), static_cast<int64_t>(i));
          samples[i] = 0.5f;
        }
      }
    }
  });
}

TEST(FindNonFinite, GivesTheFirstOfSeveral) {
  std::vector<float> samples(5000, 0.5f);
  samples[4999] = samples[3001] = samples[3000] =
      std::numeric_limits<float>::infinity();
  ForEachHighwayTarget([&] { EXPECT_EQ(FindNonFinite(samples), 3000); });
}

}  // namespace
}  // namespace melmill
