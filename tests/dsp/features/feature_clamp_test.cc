#include "dsp/features/feature_clamp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "dsp/features/bfloat16.h"
#include "dsp/features/float16.h"
#include "tests/support/half_to_float.h"
#include "tests/support/highway_targets.h"

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

uint8_t Counted(int step, int base) {
  return static_cast<uint8_t>(std::clamp(step - base, 0, 255));
}

TEST(CountFromBase, GivesTheStepsAboveTheBase) {
  ForEachHighwayTarget([] {
    for (const int base : {0, 1, 200, 255, 256, 10'000, 65'535}) {
      std::vector<uint16_t> steps(0x10000);
      std::iota(steps.begin(), steps.end(), uint16_t{0});
      std::vector<uint8_t> bytes(steps.size());
      CountFromBase(steps, static_cast<uint16_t>(base), bytes.data());
      for (int step = 0; step < 0x10000; ++step) {
        ASSERT_EQ(bytes[static_cast<size_t>(step)], Counted(step, base))
            << step << " from " << base;
      }
    }
  });
}

TEST(CountFromBase, WorksInPlaceOnAnyNumberOfSteps) {
  ForEachHighwayTarget([] {
    for (size_t count = 0; count < 200; ++count) {
      std::vector<uint16_t> steps(count + 1);
      std::iota(steps.begin(), steps.end(), uint16_t{40});
      const std::vector<uint16_t> before = steps;
      auto* const bytes = reinterpret_cast<uint8_t*>(steps.data());
      CountFromBase(std::span(steps).first(count), 50, bytes);
      for (size_t i = 0; i < count; ++i) {
        ASSERT_EQ(bytes[i], Counted(before[i], 50)) << i << " of " << count;
      }
      ASSERT_EQ(steps[count], before[count]) << "behind the end";
    }
  });
}

TEST(RaiseBase, GivesWhatCountingFromTheHigherBaseGives) {
  ForEachHighwayTarget([] {
    for (const size_t count : {0u, 1u, 15u, 16u, 64u, 130u, 256u}) {
      for (const int up : {0, 1, 100, 255, 256, 3000}) {
        std::vector<uint8_t> bytes(count + 1);
        std::iota(bytes.begin(), bytes.end(), uint8_t{0});
        const std::vector<uint8_t> before = bytes;
        RaiseBase(std::span(bytes).first(count), static_cast<uint16_t>(up));
        for (size_t i = 0; i < count; ++i) {
          ASSERT_EQ(bytes[i], Counted(before[i], up)) << i << " up " << up;
        }
        ASSERT_EQ(bytes[count], before[count]) << "behind the end";
      }
    }
  });
}

}  // namespace
}  // namespace melmill
