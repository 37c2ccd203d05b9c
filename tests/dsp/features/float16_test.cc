#include "dsp/features/float16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace melmill {
namespace {

constexpr uint16_t kHalfInfinity = 0x7c00;
constexpr uint16_t kHalfSign = 0x8000;

bool IsNanHalf(int half) { return (half & 0x7fff) > kHalfInfinity; }

// The definition, by the fields.
double HalfValue(int half) {
  const int exponent = (half >> 10) & 0x1f;
  const int fraction = half & 0x3ff;
  const double sign = half & kHalfSign ? -1.0 : 1.0;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

TEST(HalfToFloat, GivesTheValueOfEveryFiniteHalf) {
  for (int half = 0; half <= 0xffff; ++half) {
    if ((half & 0x7fff) >= kHalfInfinity) continue;
    const float value = HalfToFloat(static_cast<uint16_t>(half));
    ASSERT_EQ(value, HalfValue(half)) << std::hex << half;
    ASSERT_EQ(std::signbit(value), (half & kHalfSign) != 0) << std::hex << half;
  }
}

TEST(HalfToFloat, KeepsInfinities) {
  EXPECT_EQ(HalfToFloat(kHalfInfinity), std::numeric_limits<float>::infinity());
  EXPECT_EQ(HalfToFloat(kHalfInfinity | kHalfSign),
            -std::numeric_limits<float>::infinity());
}

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
    const auto midpoint =
        static_cast<float>((HalfValue(half) + HalfValue(half + 1)) / 2);
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
  // Payload in the dropped bits only: must not become infinity.
  EXPECT_TRUE(IsNanHalf(FloatToHalf(std::bit_cast<float>(0x7f800001u))));
  EXPECT_EQ(FloatToHalf(0.0f), 0);
  EXPECT_EQ(FloatToHalf(-0.0f), kHalfSign);
  EXPECT_EQ(FloatToHalf(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(FloatToHalf(-std::numeric_limits<float>::denorm_min()), kHalfSign);
}

}  // namespace
}  // namespace melmill
