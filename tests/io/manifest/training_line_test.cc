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

TEST(TrainingLineTest, HoldsThePathOnce) {
  const std::string url = "s3://b/a.wav";
  const std::string none;
  const std::vector<std::string> fields = {"audio_path"};
  const std::vector<std::string> kept = {"\"c\""};
  TrainingLine line = {url, none, none, fields, kept};
  EXPECT_EQ(FormatTrainingLine(line),
            R"({"audio":"s3://b/a.wav","text":"","audio_path":"c"})");
  line.audio_path = "c";
  EXPECT_EQ(FormatTrainingLine(line),
            R"({"audio":"s3://b/a.wav","audio_path":"c","text":""})");
}

TEST(TrainingLineTest, HoldsThePieceInOneForm) {
  const std::string name = "a.wav";
  const std::string text = "x";
  const std::string none;
  const std::vector<std::string> fields = {"offset", "who", "audio_bytes"};
  const std::vector<std::string> kept = {"1.5", "7", "80"};
  TrainingLine line = {name, text, none, fields, kept};
  line.segment = Segment{.start = 24000, .num_samples = 300};
  EXPECT_EQ(FormatTrainingLine(line),
            "{\"audio\":\"a.wav\",\"start_sample\":24000,"
            "\"num_samples\":300,\"text\":\"x\",\"who\":7,"
            "\"audio_bytes\":80}");
  line.segment.reset();
  line.range = ByteRange{512, 80};
  EXPECT_EQ(FormatTrainingLine(line),
            "{\"audio\":\"a.wav\",\"audio_offset\":512,\"audio_bytes\":80,"
            "\"text\":\"x\",\"offset\":1.5,\"who\":7}");
}

}  // namespace
}  // namespace melmill
