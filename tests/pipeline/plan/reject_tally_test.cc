#include "pipeline/plan/reject_tally.h"

#include <gtest/gtest.h>

#include <string>

namespace melmill {
namespace {

std::string CauseOfMissing(const std::string& audio, const std::string& path) {
  return RejectCause(RejectCode::kNotFound, audio, path, "cannot be opened");
}

TEST(RejectCauseTest, APathThatLeadsNowhereHasACause) {
  EXPECT_EQ(CauseOfMissing("s3://b/a.wav", "s3://b/a.wav"), "a URL");
  EXPECT_EQ(CauseOfMissing("~/a.wav", "~/a.wav"), "a path with ~");
  EXPECT_EQ(CauseOfMissing("C:\\a.wav", "C:\\a.wav"),
            "a path with backslashes");
  EXPECT_EQ(CauseOfMissing("a.wav", "a.wav"), "no such file");
  EXPECT_EQ(CauseOfMissing("x/a.wav", "/no such folder/x/a.wav"),
            "no such folder");
  EXPECT_EQ(CauseOfMissing("a.wav", "/a.wav"), "no such file");
}

TEST(RejectCauseTest, AForeignFormatIsNamed) {
  const auto cause = [](const std::string& message) {
    return RejectCause(RejectCode::kForeignFormat, "a", "a", message);
  };
  EXPECT_EQ(cause("is AAC, which is not read; convert it: ffmpeg"), "AAC");
  EXPECT_EQ(cause("is text, not sound"), "text");
  EXPECT_EQ(cause("starts with zeros, not as a sound file does"), "unknown");
  EXPECT_EQ(RejectCause(RejectCode::kUnsupportedFormat, "a", "a",
                        "holds GSM 6.10 samples (format 0x0031), which"),
            "GSM 6.10");
}

TEST(RejectCauseTest, OtherCodesSayItAll) {
  EXPECT_EQ(RejectCause(RejectCode::kTooLong, "a", "a", "lasts 9 s"), "");
}

TEST(RejectTallyTest, CountsAllAndByCause) {
  RejectTally tally;
  for (uint64_t line = 1; line <= 5; ++line) {
    tally.Add({"train", line, "", ""}, line < 3 ? "a" : "b");
  }
  EXPECT_EQ(tally.count, 5u);
  EXPECT_EQ(tally.causes.at("a").count, 2u);
  EXPECT_EQ(tally.causes.at("b").examples.size(), Tally::kMaxExamples);
}

TEST(RejectTallyTest, CausesAreBounded) {
  RejectTally tally;
  for (size_t i = 0; i < 2 * RejectTally::kMaxCauses; ++i) {
    tally.Add({}, std::to_string(i));
  }
  EXPECT_LE(tally.causes.size(), RejectTally::kMaxCauses + 1);
  EXPECT_EQ(tally.causes.at("other").count, RejectTally::kMaxCauses);
}

TEST(RejectTallyTest, TalliesAddUp) {
  RejectTallies sum;
  RejectTallies more;
  sum[RejectCode::kForeignFormat].Add({"train", 1, "", ""}, "FLAC");
  more[RejectCode::kForeignFormat].Add({"train", 2, "", ""}, "FLAC");
  more[RejectCode::kNotFinite].Add({"train", 3, "", ""});
  AddRejects(more, &sum);
  EXPECT_EQ(SumCounts(sum), 3u);
  EXPECT_EQ(sum[RejectCode::kForeignFormat].causes.at("FLAC").count, 2u);
}

}  // namespace
}  // namespace melmill
