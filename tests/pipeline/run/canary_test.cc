#include "pipeline/run/canary.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "dsp/log_mel/log_mel.h"
#include "dsp/resample/resampler.h"
#include "dsp/samples/sample_vector.h"
#include "io/hash.h"
#include "pipeline/row/row_computer.h"
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

// Samples that differ by less than float16 features show must not pass.
TEST(CanaryTest, HashesSamplesFeaturesAndFloor) {
  constexpr int kRateHz = 8000;
  std::vector<float> signal(kRateHz / 2);
  uint32_t state = 1;
  for (size_t i = 0; i < signal.size(); ++i) {
    state = state * 1664525 + 1013904223;
    const auto noise = static_cast<int16_t>(state >> 16);
    signal[i] = static_cast<float>(noise >> (i / 64 % 8)) / 32768.0f;
  }
  const FeatureSpec features =
      MakeFeatureSpec("qwen3-asr", FeatureType::kFloat16, {.simd = "auto"});
  SampleVector samples;
  Resampler resampler(features.code_path.spectral);
  resampler.Start(kRateHz, 16000);
  resampler.Process(signal, &samples);
  resampler.Finish(&samples);
  const RowComputer computer(features);
  const auto workspace = computer.log_mel().MakeWorkspace();
  std::vector<std::byte> bytes(
      static_cast<size_t>(
          NumFrames(features.log_mel(), static_cast<int64_t>(samples.size()))) *
      features.bytes_per_frame());
  const ClipLevels levels =
      computer.log_mel().Compute(std::span<const float>(samples),
                                 features.feature_type, bytes, *workspace);
  Hasher64 hasher;
  hasher.Update(std::as_bytes(std::span<const float>(samples)));
  hasher.Update(bytes);
  hasher.Update(std::as_bytes(std::span(&levels.floor, 1)));
  EXPECT_EQ(ComputeCanary(features).at(kRateHz), ToHex(hasher.Digest()));
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
