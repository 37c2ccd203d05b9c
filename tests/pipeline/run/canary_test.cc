#include "pipeline/run/canary.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "pipeline/setup/feature_spec.h"
#include "pipeline/setup/setup_error.h"

namespace melmill {
namespace {

using Canary = std::map<int, std::string>;

Canary Compute(const std::string& preset, FeatureType type,
               const std::string& simd) {
  return ComputeCanary(MakeFeatureSpec(preset, type, {.simd = simd}));
}

TEST(CanaryTest, HasAHashForEachRate) {
  const Canary canary = Compute("qwen3-asr", FeatureType::kFloat16, "auto");
  EXPECT_GE(canary.size(), 6u);
  std::map<std::string, int> rates;
  for (const auto& [rate_hz, hash] : canary) {
    EXPECT_EQ(hash.size(), 16u);
    EXPECT_TRUE(rates.emplace(hash, rate_hz).second);
  }
  EXPECT_EQ(canary, Compute("qwen3-asr", FeatureType::kFloat16, "auto"));
}

TEST(CanaryTest, OtherFeaturesGiveOtherHashes) {
  const Canary canary = Compute("qwen3-asr", FeatureType::kFloat16, "auto");
  for (const Canary& other :
       {Compute("whisper", FeatureType::kFloat16, "auto"),
        Compute("qwen3-asr", FeatureType::kBfloat16, "auto"),
        Compute("qwen3-asr", FeatureType::kFloat32, "auto")}) {
    ASSERT_EQ(other.size(), canary.size());
    for (const auto& [rate_hz, hash] : canary) {
      EXPECT_NE(other.at(rate_hz), hash) << rate_hz;
    }
  }
}

// Those with one producer string give the same bits.
TEST(CanaryTest, DoesNotDependOnTheProcessorsVectors) {
  const FeatureSpec best =
      MakeFeatureSpec("qwen3-asr", FeatureType::kFloat16, {.simd = "auto"});
  int num_compared = 0;
  for (const char* simd : {"avx2", "avx512", "neon"}) {
    try {
      const FeatureSpec features =
          MakeFeatureSpec("qwen3-asr", FeatureType::kFloat16, {.simd = simd});
      if (features.Producer() != best.Producer()) continue;
      EXPECT_EQ(ComputeCanary(features), ComputeCanary(best)) << simd;
      ++num_compared;
    } catch (const SetupError&) {  // not of this processor
    }
  }
  EXPECT_GE(num_compared, 1);
}

// So the producer's string differs, too.
TEST(CanaryTest, FindsOtherRounding) {
  const FeatureSpec best =
      MakeFeatureSpec("qwen3-asr", FeatureType::kFloat32, {.simd = "auto"});
  const FeatureSpec none =
      MakeFeatureSpec("qwen3-asr", FeatureType::kFloat32, {.simd = "none"});
  if (best.Producer() == none.Producer()) {
    GTEST_SKIP() << "this processor has no other code";
  }
  EXPECT_NE(ComputeCanary(none), ComputeCanary(best));
}

}  // namespace
}  // namespace melmill
