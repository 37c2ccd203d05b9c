#include "dsp/features/feature_type.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "tests/support/half_to_float.h"

namespace melmill {
namespace {

TEST(FeatureType, HasASizeAndTheNameThatContractsCarry) {
  EXPECT_EQ(FeatureSize(FeatureType::kFloat16), 2u);
  EXPECT_EQ(FeatureSize(FeatureType::kFloat32), 4u);
  EXPECT_EQ(FeatureSize(FeatureType::kBfloat16), 2u);
  EXPECT_EQ(FeatureSize(FeatureType::kUint8), 1u);
  EXPECT_EQ(FeatureTypeName(FeatureType::kFloat16), "f16");
  EXPECT_EQ(FeatureTypeName(FeatureType::kFloat32), "f32");
  EXPECT_EQ(FeatureTypeName(FeatureType::kBfloat16), "bf16");
  EXPECT_EQ(FeatureTypeName(FeatureType::kUint8), "u8");
}

TEST(FeatureType, IsFoundByItsNameAlone) {
  for (const FeatureType type : kFeatureTypes) {
    EXPECT_EQ(FindFeatureType(FeatureTypeName(type)), type);
  }
  for (const char* name :
       {"", "f", "f64", "float16", "bf16 ", "BF16", "uint8"}) {
    EXPECT_EQ(FindFeatureType(name), std::nullopt) << name;
  }
}

TEST(FeatureType, TagsLeadToTheTypesOwnValuesAndRounding) {
  for (const FeatureType type : kFeatureTypes) {
    int num_calls = 0;
    WithFeatureTag(type, [&]<FeatureType kType>(FeatureTag<kType>) {
      ++num_calls;
      EXPECT_EQ(kType, type);
      EXPECT_EQ(sizeof(FeatureValue<kType>), ComputedSize(type));
      std::array<FeatureValue<kType>, 3> values = {};
      const auto bytes = std::as_writable_bytes(std::span(values));
      ASSERT_EQ(AsFeatures<kType>(bytes).size(), 3u);
      EXPECT_EQ(AsFeatures<kType>(bytes).data(), values.data());
    });
    EXPECT_EQ(num_calls, 1);
  }
  constexpr float kValue = -1.00390625f;  // -(1 + 2^-8), a tie of bfloat16
  EXPECT_EQ(RoundFeature<FeatureType::kFloat32>(kValue), kValue);
  EXPECT_EQ(RoundFeature<FeatureType::kFloat16>(kValue), 0xbc04);
  EXPECT_EQ(RoundFeature<FeatureType::kBfloat16>(kValue), 0xbf80);
  EXPECT_EQ(RoundFeature<FeatureType::kUint8>(kValue), 63);
}

TEST(WidenFeatures, GivesTheValuesOfAllHalves) {
  std::vector<uint16_t> halves(1 << 16);
  std::iota(halves.begin(), halves.end(), uint16_t{0});
  const std::vector<float> values =
      WidenFeatures(FeatureType::kFloat16, std::as_bytes(std::span(halves)));
  ASSERT_EQ(values.size(), halves.size());
  for (size_t i = 0; i < halves.size(); ++i) {
    const float expected = HalfToFloat(halves[i]);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(values[i])) << i;
    } else {
      ASSERT_EQ(std::bit_cast<uint32_t>(values[i]),
                std::bit_cast<uint32_t>(expected))
          << i;
    }
  }
}

TEST(WidenFeatures, GivesTheValuesOfTheOtherTypes) {
  const std::vector<float> floats = {0.0f, -1.5f, 1e-30f};
  EXPECT_EQ(
      WidenFeatures(FeatureType::kFloat32, std::as_bytes(std::span(floats))),
      floats);
  const std::vector<uint16_t> brains = {0x3f80, 0xc020};
  EXPECT_EQ(
      WidenFeatures(FeatureType::kBfloat16, std::as_bytes(std::span(brains))),
      (std::vector<float>{1.0f, -2.5f}));
}

}  // namespace
}  // namespace melmill
