#include "dsp/features/feature_grid.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/dsp/features/feature_grid_test.cc"
#include "dsp/simd/highway_targets.h"
// highway_targets.h must come before Highway's headers.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "dsp/features/feature_grid-inl.h"

HWY_BEFORE_NAMESPACE();
namespace melmill {
namespace HWY_NAMESPACE {

// Rounds as many values as fill whole vectors, and returns their number.
size_t GridVectors(std::span<const float> values, uint16_t* steps) {
  const hn::ScalableTag<float> floats;
  const hn::Rebind<uint16_t, decltype(floats)> halves;
  const size_t step = hn::Lanes(floats);
  size_t i = 0;
  for (; i + step <= values.size(); i += step) {
    hn::StoreU(RoundToGrid(hn::LoadU(floats, &values[i])), halves, steps + i);
  }
  return i;
}

}  // namespace HWY_NAMESPACE
}  // namespace melmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tests/support/highway_targets.h"

namespace melmill {
namespace {

HWY_EXPORT(GridVectors);

constexpr double kStep = 2.0 / 255;

std::vector<float> RandomFeatures(size_t count) {
  std::mt19937 random(1);
  std::vector<float> values;
  for (size_t i = 0; i < count; ++i) {
    values.push_back(static_cast<float>(random()) * 0x1p-30f - 1.5f);
  }
  return values;
}

// The values half way between two steps, and their neighbours.
std::vector<float> TiesAndTheirNeighbours() {
  std::vector<float> values;
  for (int step = 0; step < 10'000; ++step) {
    const auto tie = static_cast<float>((step + 0.5) * kStep - 1.5);
    values.insert(values.end(),
                  {std::nextafter(tie, -2.0f), tie, std::nextafter(tie, 1e9f)});
  }
  return values;
}

TEST(GridStep, IsTheNearestStep) {
  std::vector<float> values = TiesAndTheirNeighbours();
  for (const float value : RandomFeatures(300'000)) values.push_back(value);
  for (const float value : values) {
    const double steps = (static_cast<double>(value) + 1.5) / kStep;
    // The product is rounded to single precision.
    ASSERT_NEAR(GridStep(value), steps, 0.5 + steps * 0x1p-23) << value;
  }
}

// 4 / 255 and others are no floats, but these values are.
TEST(GridStep, RoundsTiesToEven) {
  int num_ties = 0;
  for (const float value : TiesAndTheirNeighbours()) {
    const float steps = (value + 1.5f) * 127.5f;
    if (steps - std::floor(steps) != 0.5f) continue;
    EXPECT_EQ(GridStep(value) % 2, 0) << value;
    ++num_ties;
  }
  EXPECT_GT(num_ties, 1000);
}

TEST(GridStep, IsZeroBelowTheGrid) {
  for (const float value : {-1.5f, -1.6f, -8.5f, -1e30f}) {
    EXPECT_EQ(GridStep(value), 0) << value;
  }
  EXPECT_EQ(GridStep(1e30f), 65535);
}

// In double precision: half a step, and what single precision adds.
TEST(GridValue, IsWithinTheLargestErrorThatContractsState) {
  std::mt19937 random(2);
  double largest = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const float floor = static_cast<float>(random()) * 0x1p-31f - 1.5f;
    const float value =
        std::min(floor + static_cast<float>(random()) * 0x1p-31f, floor + 2);
    const uint16_t base = GridStep(floor);
    const int byte = std::clamp(GridStep(value) - base, 0, 255);
    const float widened = GridValue(base, static_cast<uint8_t>(byte));
    largest = std::max(largest, std::abs(static_cast<double>(widened) -
                                         static_cast<double>(value)));
  }
  EXPECT_LE(largest, kGridLargestError);
  EXPECT_GE(largest, kStep / 2) << "the bound is far from what is needed";
}

TEST(RoundToGrid, EveryTargetRoundsAsTheFunctionDoes) {
  std::vector<float> values = TiesAndTheirNeighbours();
  for (const float value : RandomFeatures(100'000)) values.push_back(value);
  for (const float value : {-1.5f, -8.5f, -100.0f, 77.0f}) {
    values.push_back(value);
  }
  values.resize(values.size() / 16 * 16 + 16);
  std::vector<uint16_t> expected;
  for (const float value : values) expected.push_back(GridStep(value));
  ForEachHighwayTarget([&] {
    std::vector<uint16_t> steps(values.size());
    ASSERT_EQ(HWY_DYNAMIC_DISPATCH(GridVectors)(values, steps.data()),
              values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(steps[i], expected[i]) << values[i];
    }
  });
}

}  // namespace
}  // namespace melmill
#endif  // HWY_ONCE
