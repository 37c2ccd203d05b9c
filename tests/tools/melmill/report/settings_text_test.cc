#include "tools/melmill/report/settings_text.h"

#include <gtest/gtest.h>

#include "pipeline/setup/code_path.h"

namespace melmill {
namespace {

std::string Describe(std::string_view preset, FeatureType type,
                     const CodeChoice& code) {
  const FeatureSpec features = MakeFeatureSpec(preset, type, code);
  return DescribeSettings(features.Contract(), features.Producer());
}

TEST(DescribeSettingsTest, SaysItInWords) {
  const std::string fma = ProducerJson({SimdTarget::kAvx2, SimdTarget::kAvx2});
  const FeatureSpec plain = MakeFeatureSpec();
  EXPECT_EQ(DescribeSettings(plain.Contract(), fma),
            "features for Qwen3-ASR and Whisper large-v3 (128 mels), float16; "
            "spectral resampler; AVX-512, AVX2 or NEON vector code");
  EXPECT_EQ(
      DescribeSettings(plain.Contract(),
                       ProducerJson({SimdTarget::kSse4, SimdTarget::kSse4})),
      "features for Qwen3-ASR and Whisper large-v3 (128 mels), float16; "
      "spectral resampler; SSE4 vector code");
  EXPECT_EQ(Describe("whisper", FeatureType::kBfloat16, {.simd = "none"}),
            "features for Whisper up to large-v2 (80 mels), bfloat16; libsoxr "
            "resampler; FFTW in double precision");
}

TEST(DescribeSettingsTest, SurvivesWhatItDoesNotKnow) {
  for (const char* json : {"", "{}", "[]", "{\"resampler\":1}"}) {
    EXPECT_EQ(DescribeSettings(json, json),
              "features that this version does not know (--settings shows "
              "them); unknown resampler; unknown code");
  }
}

TEST(RebuildCommandTest, NamesWhatIsNotTheDefault) {
  StoreIndex index;
  index.splits = {{.name = "train"}, {.name = "eval"}};
  const FeatureSpec plain = MakeFeatureSpec();
  index.contract = plain.Contract();
  index.producer = plain.Producer();
  EXPECT_EQ(RebuildCommand("a b", index),
            (std::vector<std::string>{"melmill", "extract", "train.jsonl",
                                      "eval.jsonl", "--out", "a b"}));
  const FeatureSpec other = MakeFeatureSpec(
      "whisper", FeatureType::kFloat32, {.resampler = ResamplerKind::kSoxr});
  index.splits.resize(1);
  index.contract = other.Contract();
  index.producer = other.Producer();
  index.kept_fields = {"speaker"};
  EXPECT_EQ(
      RebuildCommand("out", index),
      (std::vector<std::string>{"melmill", "extract", "train.jsonl", "--out",
                                "out", "--preset", "whisper", "--dtype", "f32",
                                "--resampler", "soxr", "--keep", "speaker"}));
  index.producer =
      MakeFeatureSpec("whisper", FeatureType::kFloat32, {.simd = "none"})
          .Producer();
  const auto words = RebuildCommand("out", index);
  EXPECT_EQ(words[words.size() - 4], "--simd");
  EXPECT_EQ(words[words.size() - 3], "none");
}

}  // namespace
}  // namespace melmill
