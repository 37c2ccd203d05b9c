#include "dsp/features/float16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tests/support/half_to_float.h"

namespace melmill {
namespace {

constexpr uint16_t kHalfInfinity = 0x7c00;
constexpr uint16_t kHalfSign = 0x8000;

bool IsNanHalf(int half) { return (half & 0x7fff) > kHalfInfinity; }

TEST(Float16, EveryHalfSurvivesTheRoundTrip) {
  for (int half = 0; half <= 0xffff; ++half) {
    const float value = HalfToFloat(static_cast<uint16_t>(half));
    if (IsNanHalf(half)) {
      ASSERT_TRUE(std::isnan(value)) << std::hex << half;
      ASSERT_TRUE(IsNanHalf(FloatToHalf(value))) << std::hex << half;
    } else {
      ASSERT_EQ(FloatToHalf(value), half) << std::hex << half;
    }
  }
}

TEST(FloatToHalf, RoundsTiesToEvenAndTheirNeighboursToNearest) {
  for (int half = 0; half < 0x7bff; ++half) {
    const auto bits = static_cast<uint16_t>(half);
    const float midpoint =
        (HalfToFloat(bits) + HalfToFloat(static_cast<uint16_t>(half + 1))) / 2;
    const int even = half % 2 == 0 ? half : half + 1;
    for (const uint16_t sign : {uint16_t{0}, kHalfSign}) {
      const float tie = sign != 0 ? -midpoint : midpoint;
      const float nearer_zero = std::nextafter(tie, 0.0f);
      const float farther = std::nextafter(tie, 2 * tie);
      ASSERT_EQ(FloatToHalf(tie), even | sign) << std::hex << half;
      ASSERT_EQ(FloatToHalf(nearer_zero), half | sign) << std::hex << half;
      ASSERT_EQ(FloatToHalf(farther), (half + 1) | sign) << std::hex << half;
    }
  }
}

TEST(FloatToHalf, OverflowsToInfinityFromHalfAUnitBeyondTheLargest) {
  EXPECT_EQ(FloatToHalf(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(FloatToHalf(65520.0f), kHalfInfinity);
  EXPECT_EQ(FloatToHalf(-65520.0f), kHalfInfinity | kHalfSign);
  EXPECT_EQ(FloatToHalf(std::numeric_limits<float>::max()), kHalfInfinity);
  EXPECT_EQ(FloatToHalf(std::numeric_limits<float>::infinity()), kHalfInfinity);
}

TEST(FloatToHalf, KeepsNanAndSignedZeroAndFlushesTheTiniest) {
  EXPECT_TRUE(IsNanHalf(FloatToHalf(std::numeric_limits<float>::quiet_NaN())));
  // A NaN with a payload only in the dropped bits must not become infinity.
  EXPECT_TRUE(IsNanHalf(FloatToHalf(std::bit_cast<float>(0x7f800001u))));
  EXPECT_EQ(FloatToHalf(0.0f), 0);
  EXPECT_EQ(FloatToHalf(-0.0f), kHalfSign);
  EXPECT_EQ(FloatToHalf(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(FloatToHalf(-std::numeric_limits<float>::denorm_min()), kHalfSign);
}

}  // namespace
}  // namespace melmill
