#include "pipeline/setup/preset.h"

#include <gtest/gtest.h>

namespace melmill {
namespace {

TEST(PresetTest, EveryNameIsFoundAndNoOther) {
  for (const std::string_view name : PresetNames()) {
    ASSERT_NE(FindPreset(name), nullptr) << name;
    EXPECT_EQ(FindPreset(name)->name, name);
  }
  EXPECT_EQ(FindPreset(""), nullptr);
  EXPECT_EQ(FindPreset("Whisper"), nullptr);
}

TEST(PresetTest, HoldsWhatTheModelsTake) {
  const Preset& qwen = *FindPreset("qwen3-asr");
  EXPECT_EQ(qwen.log_mel.mel.n_mels, 128);
  EXPECT_EQ(qwen.max_num_samples, 0);
  EXPECT_TRUE(qwen.check_template);
  const Preset& whisper = *FindPreset("whisper");
  EXPECT_EQ(whisper.log_mel.mel.n_mels, 80);
  EXPECT_EQ(whisper.max_num_samples, 30 * 16000);
  EXPECT_FALSE(whisper.check_template);
}

}  // namespace
}  // namespace melmill
