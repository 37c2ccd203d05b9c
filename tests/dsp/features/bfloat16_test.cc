#include "dsp/features/bfloat16.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/dsp/features/bfloat16_test.cc"
#include "dsp/simd/highway_targets.h"
// highway_targets.h must come before Highway's headers.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "dsp/features/bfloat16-inl.h"

HWY_BEFORE_NAMESPACE();
namespace melmill {
namespace HWY_NAMESPACE {

// Rounds as many values as fill whole vectors, and returns their number.
size_t RoundVectors(std::span<const float> values, uint16_t* rounded) {
  const hn::ScalableTag<float> floats;
  const hn::Rebind<uint16_t, decltype(floats)> halves;
  const size_t step = hn::Lanes(floats);
  size_t i = 0;
  for (; i + step <= values.size(); i += step) {
    hn::StoreU(RoundToBfloat16(hn::LoadU(floats, &values[i])), halves,
               rounded + i);
  }
  return i;
}

}  // namespace HWY_NAMESPACE
}  // namespace melmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tests/support/highway_targets.h"

namespace melmill {
namespace {

HWY_EXPORT(RoundVectors);

constexpr uint16_t kSign = 0x8000;
constexpr uint16_t kInfinity = 0x7f80;
constexpr double kLargest = 0x1.fep127;

// The value by definition, from the fields.
double ValueOf(int bits) {
  const int exponent = (bits >> 7) & 0xff;
  const int fraction = bits & 0x7f;
  const double sign = (bits & kSign) != 0 ? -1.0 : 1.0;
  if (exponent == 0) return sign * std::ldexp(fraction, -133);
  return sign * std::ldexp(128 + fraction, exponent - 134);
}

// The multiple of its unit that is nearest to a finite value.
double Nearest(double value) {
  constexpr int kLeastExponent = -126;
  const int exponent = value == 0 ? kLeastExponent : std::ilogb(value);
  const int unit = std::max(exponent, kLeastExponent) - 7;
  const double rounded =
      std::ldexp(std::nearbyint(std::ldexp(value, -unit)), unit);
  if (std::abs(rounded) <= kLargest) return rounded;
  return std::copysign(std::numeric_limits<double>::infinity(), value);
}

struct Rounding {
  float value;
  int expected;  // bits
};

// Every finite bfloat16, the ties between them, and the neighbours of the ties.
std::vector<Rounding> AllTiesAndTheirNeighbours() {
  std::vector<Rounding> all;
  for (int bits = 0; bits < kInfinity; ++bits) {
    const double above = bits + 1 == kInfinity ? 0x1p128 : ValueOf(bits + 1);
    const auto tie = static_cast<float>((ValueOf(bits) + above) / 2);
    const float infinity = std::numeric_limits<float>::infinity();
    for (const int sign : {0, int{kSign}}) {
      const auto add = [&all, sign](float value, int expected) {
        all.push_back({sign != 0 ? -value : value, expected | sign});
      };
      add(static_cast<float>(ValueOf(bits)), bits);
      add(std::nextafter(tie, 0.0f), bits);
      add(tie, bits + bits % 2);
      add(std::nextafter(tie, infinity), bits + 1);
    }
  }
  return all;
}

std::vector<float> RandomFiniteValues(size_t count) {
  std::mt19937 random(1);
  std::vector<float> values;
  while (values.size() < count) {
    const auto value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (std::isfinite(value)) values.push_back(value);
    values.push_back(static_cast<float>(random()) * 0x1p-30f - 1.5f);
  }
  return values;
}

TEST(FloatToBfloat16, RoundsTiesToEvenAndTheirNeighboursToNearest) {
  for (const Rounding& rounding : AllTiesAndTheirNeighbours()) {
    ASSERT_EQ(FloatToBfloat16(rounding.value), rounding.expected)
        << rounding.value;
  }
}

TEST(FloatToBfloat16, RoundsAnyFiniteValueToTheNearest) {
  for (const float value : RandomFiniteValues(1'000'000)) {
    const uint16_t bits = FloatToBfloat16(value);
    const double rounded =
        (bits & ~kSign) == kInfinity
            ? std::copysign(std::numeric_limits<double>::infinity(), value)
            : ValueOf(bits);
    ASSERT_EQ(rounded, Nearest(value)) << value;
    ASSERT_EQ((bits & kSign) != 0, std::signbit(value)) << value;
  }
}

TEST(FloatToBfloat16, KeepsInfinityAndNan) {
  const auto is_nan = [](uint16_t bits) { return (bits & ~kSign) > kInfinity; };
  constexpr float kHuge = std::numeric_limits<float>::infinity();
  EXPECT_EQ(FloatToBfloat16(kHuge), kInfinity);
  EXPECT_EQ(FloatToBfloat16(-kHuge), kInfinity | kSign);
  // NaNs with a payload only in the dropped bits, and one whose carry would
  // overflow.
  for (const uint32_t nan :
       {0x7f800001u, 0xff800001u, 0x7fffffffu, 0xffffffffu, 0x7fc00000u}) {
    const uint16_t bits = FloatToBfloat16(std::bit_cast<float>(nan));
    EXPECT_TRUE(is_nan(bits)) << std::hex << nan;
    EXPECT_EQ((bits & kSign) != 0, nan >> 31 != 0) << std::hex << nan;
  }
}

TEST(RoundToBfloat16, EveryTargetRoundsAsTheFunctionDoes) {
  std::vector<float> values = RandomFiniteValues(200'000);
  for (const Rounding& rounding : AllTiesAndTheirNeighbours()) {
    values.push_back(rounding.value);
  }
  values.push_back(std::numeric_limits<float>::infinity());
  values.resize(values.size() / 16 * 16 + 16);
  std::vector<uint16_t> expected;
  for (const float value : values) expected.push_back(FloatToBfloat16(value));
  ForEachHighwayTarget([&] {
    std::vector<uint16_t> rounded(values.size());
    ASSERT_EQ(HWY_DYNAMIC_DISPATCH(RoundVectors)(values, rounded.data()),
              values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(rounded[i], expected[i]) << values[i];
    }
  });
}

}  // namespace
}  // namespace melmill
#endif  // HWY_ONCE
