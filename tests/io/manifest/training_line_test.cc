#include "io/manifest/training_line.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace melmill {
namespace {

std::string Line(const std::string& prompt,
                 const std::vector<std::string>& kept) {
  const std::string audio = "\u00e9 \"1\".wav";
  const std::string text = "language English<asr_text>a\n";
  const std::vector<std::string> fields = {"n", "who"};
  return FormatTrainingLine({audio, text, prompt, fields, kept});
}

TEST(TrainingLineTest, HoldsWhatTheLineHas) {
  const std::string start =
      "{\"audio\":\"\u00e9 \\\"1\\\".wav\","
      "\"text\":\"language English<asr_text>a\\n\"";
  EXPECT_EQ(Line("", {"", ""}), start + "}");
  EXPECT_EQ(Line("be exact", {"[1,2]", "\"Jo\""}),
            start + ",\"prompt\":\"be exact\",\"n\":[1,2],\"who\":\"Jo\"}");
}

}  // namespace
}  // namespace melmill
