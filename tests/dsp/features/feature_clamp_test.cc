#include "dsp/features/feature_clamp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "dsp/features/bfloat16.h"
#include "dsp/features/float16.h"
#include "tests/support/half_to_float.h"

namespace melmill {
namespace {

// A type of 16 bits: how it rounds, and the values of its bits.
struct HalfType {
  const char* name;
  uint16_t (*from_float)(float value);
  float (*to_float)(uint16_t bits);
};

constexpr HalfType kHalfTypes[] = {
    {"float16", FloatToHalf, HalfToFloat},
    {"bfloat16", FloatToBfloat16,
     [](uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }}};

// The bits of every finite value.
std::vector<uint16_t> AllBits(const HalfType& type) {
  std::vector<uint16_t> all;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    if (std::isfinite(type.to_float(half))) all.push_back(half);
  }
  return all;
}

TEST(RaiseToFloor, RaisesEveryValueToFloorsOfBothSigns) {
  for (const HalfType& type : kHalfTypes) {
    for (const float floor : {-1.5f, -0.3f, -6e-8f, 0.0f, 6e-8f, 0.75f, 2.0f}) {
      const uint16_t rounded = type.from_float(floor);
      std::vector<uint16_t> values = AllBits(type);
      const std::vector<uint16_t> before = values;
      RaiseToFloor(values, rounded);
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(type.to_float(values[i]),
                  std::max(type.to_float(before[i]), type.to_float(rounded)))
            << type.name << ": " << type.to_float(before[i]) << " to " << floor;
      }
    }
  }
}

TEST(RaiseToFloor, LeavesNegativeZeroToNegativeFloorsOnly) {
  for (const HalfType& type : kHalfTypes) {
    std::vector<uint16_t> values(100, 0x8000);
    RaiseToFloor(values, type.from_float(-1.5f));
    EXPECT_EQ(values, std::vector<uint16_t>(100, 0x8000)) << type.name;
    RaiseToFloor(values, 0);
    EXPECT_EQ(values, std::vector<uint16_t>(100, 0)) << type.name;
  }
}

TEST(RaiseToFloor, TakesAnyNumberOfValues) {
  for (size_t count = 0; count < 130; ++count) {
    for (const float floor : {-1.0f, 1.0f}) {
      std::vector<uint16_t> halves(count + 1, FloatToHalf(-2.0f));
      std::vector<float> floats(count + 1, -2.0f);
      RaiseToFloor(std::span(halves).first(count), FloatToHalf(floor));
      RaiseToFloor(std::span(floats).first(count), floor);
      for (size_t i = 0; i < count; ++i) {
        ASSERT_EQ(HalfToFloat(halves[i]), floor) << count;
        ASSERT_EQ(floats[i], floor) << count;
      }
      EXPECT_EQ(HalfToFloat(halves[count]), -2.0f) << "behind the end";
      EXPECT_EQ(floats[count], -2.0f) << "behind the end";
    }
  }
}

TEST(RaiseToFloor, KeepsFloatsThatAreNotBelow) {
  std::vector<float> values;
  for (int i = -50; i < 50; ++i) values.push_back(static_cast<float>(i) / 8);
  std::vector<float> raised = values;
  RaiseToFloor(raised, 0.125f);
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(raised[i], std::max(values[i], 0.125f));
  }
}

}  // namespace
}  // namespace melmill
