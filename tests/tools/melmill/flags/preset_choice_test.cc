#include "tools/melmill/flags/preset_choice.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "pipeline/setup/setup_error.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

std::string Refusal(const std::string& text) {
  try {
    ChoosePreset(text);
  } catch (const SetupError& error) {
    return error.what();
  }
  ADD_FAILURE() << text << " is accepted";
  return "";
}

TEST(PresetChoiceTest, PresetsHaveTheirNames) {
  EXPECT_EQ(ChoosePreset("qwen3-asr"), "qwen3-asr");
  EXPECT_EQ(ChoosePreset("whisper"), "whisper");
}

TEST(PresetChoiceTest, ModelsStandForTheirPreset) {
  for (const char* model :
       {"Qwen3-ASR", "Qwen/Qwen3-ASR-1.7B", "qwen3-asr-0.6b",
        "openai/whisper-large-v3", "whisper-large-v3-turbo", "large-v3"}) {
    EXPECT_EQ(ChoosePreset(model), "qwen3-asr") << model;
  }
  for (const char* model :
       {"openai/whisper-small", "whisper-tiny.en", "WHISPER-LARGE-V2"}) {
    EXPECT_EQ(ChoosePreset(model), "whisper") << model;
  }
}

TEST(PresetChoiceTest, ALargeWhisperIsNoQwen) {
  EXPECT_TRUE(IsLargeWhisper("openai/whisper-large-v3-turbo"));
  EXPECT_TRUE(IsLargeWhisper("large-v3"));
  EXPECT_FALSE(IsLargeWhisper("Qwen/Qwen3-ASR-1.7B"));
  EXPECT_FALSE(IsLargeWhisper("qwen3-asr"));
  EXPECT_FALSE(IsLargeWhisper("openai/whisper-small"));
}

TEST(PresetChoiceTest, AnUnknownNameGetsTheNearest) {
  EXPECT_EQ(Refusal("wisper"),
            "--preset wisper: the presets are qwen3-asr and whisper\n"
            "  did you mean whisper?");
  EXPECT_NE(Refusal("whisper-v3").find("did you mean whisper-large-v3?"),
            std::string::npos);
  EXPECT_NE(Refusal("nvidia/parakeet-tdt").find("folder of its checkpoint"),
            std::string::npos);
}

class CheckpointTest : public testing::Test {
 protected:
  void Write(const std::string& json) const {
    std::ofstream(folder_.File("preprocessor_config.json")) << json;
  }

  TempFolder folder_;
  std::string path_ = folder_.path();
};

TEST_F(CheckpointTest, ItsFeatureExtractorDecides) {
  Write(R"({"feature_extractor_type": "WhisperFeatureExtractor",
            "feature_size": 128, "n_fft": 400, "hop_length": 160,
            "sampling_rate": 16000, "dither": 0.0, "chunk_length": 30})");
  EXPECT_EQ(ChoosePreset(path_), "qwen3-asr");
  Write(R"({"feature_extractor_type": "WhisperFeatureExtractor"})");
  EXPECT_EQ(ChoosePreset(path_), "whisper");  // 80 is its default
}

TEST_F(CheckpointTest, AFieldThatDoesNotFitIsNamed) {
  const std::string start =
      R"({"feature_extractor_type": "WhisperFeatureExtractor", )";
  for (const auto& [field, message] :
       {std::pair(R"("hop_length": 200})", "hop_length is 200"),
        std::pair(R"("n_fft": 512})", "n_fft is 512"),
        std::pair(R"("sampling_rate": 8000})", "sampling_rate is 8000"),
        std::pair(R"("dither": 0.1})", "dither is 0.1"),
        std::pair(R"("feature_size": 100})", "feature_size is 100")}) {
    Write(start + field);
    EXPECT_NE(Refusal(path_).find(message), std::string::npos) << field;
  }
}

TEST_F(CheckpointTest, OtherExtractorsAndBrokenFilesAreRefused) {
  EXPECT_NE(Refusal(path_).find("cannot be read"), std::string::npos);
  Write("[1]");
  EXPECT_NE(Refusal(path_).find("no JSON object"), std::string::npos);
  Write("{}");
  EXPECT_NE(Refusal(path_).find("is missing"), std::string::npos);
  Write(R"({"feature_extractor_type": "ParakeetFeatureExtractor"})");
  EXPECT_NE(Refusal(path_).find("\"ParakeetFeatureExtractor\""),
            std::string::npos);
}

}  // namespace
}  // namespace melmill
