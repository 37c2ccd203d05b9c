#include "dsp/feature_clamp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "dsp/float16.h"

namespace melmill {
namespace {

// Every half but infinities and NaN.
std::vector<uint16_t> AllHalves() {
  std::vector<uint16_t> halves;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    if (std::isfinite(HalfToFloat(half))) halves.push_back(half);
  }
  return halves;
}

TEST(RaiseHalves, RaisesEveryHalfToFloorsOfBothSigns) {
  for (const float floor : {-1.5f, -0.25f, -6e-8f, 0.0f, 6e-8f, 0.75f, 2.0f}) {
    std::vector<uint16_t> halves = AllHalves();
    const std::vector<uint16_t> before = halves;
    RaiseHalves(halves, FloatToHalf(floor));
    for (size_t i = 0; i < halves.size(); ++i) {
      ASSERT_EQ(
          HalfToFloat(halves[i]),
          std::max(HalfToFloat(before[i]), HalfToFloat(FloatToHalf(floor))))
          << HalfToFloat(before[i]) << " to " << floor;
    }
  }
}

TEST(RaiseHalves, LeavesNegativeZeroToNegativeFloorsOnly) {
  std::vector<uint16_t> halves(100, 0x8000);
  RaiseHalves(halves, FloatToHalf(-1.5f));
  EXPECT_EQ(halves, std::vector<uint16_t>(100, 0x8000));
  RaiseHalves(halves, 0);
  EXPECT_EQ(halves, std::vector<uint16_t>(100, 0));
}

TEST(RaiseHalvesAndFloats, TakeAnyNumberOfValues) {
  for (size_t count = 0; count < 130; ++count) {
    for (const float floor : {-1.0f, 1.0f}) {
      std::vector<uint16_t> halves(count + 1, FloatToHalf(-2.0f));
      std::vector<float> floats(count + 1, -2.0f);
      RaiseHalves(std::span(halves).first(count), FloatToHalf(floor));
      RaiseFloats(std::span(floats).first(count), floor);
      for (size_t i = 0; i < count; ++i) {
        ASSERT_EQ(HalfToFloat(halves[i]), floor) << count;
        ASSERT_EQ(floats[i], floor) << count;
      }
      EXPECT_EQ(HalfToFloat(halves[count]), -2.0f) << "behind the end";
      EXPECT_EQ(floats[count], -2.0f) << "behind the end";
    }
  }
}

TEST(RaiseFloats, KeepsWhatIsNotBelow) {
  std::vector<float> values;
  for (int i = -50; i < 50; ++i) values.push_back(static_cast<float>(i) / 8);
  std::vector<float> raised = values;
  RaiseFloats(raised, 0.125f);
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(raised[i], std::max(values[i], 0.125f));
  }
}

}  // namespace
}  // namespace melmill
