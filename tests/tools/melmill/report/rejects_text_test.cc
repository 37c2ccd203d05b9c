#include "tools/melmill/report/rejects_text.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace melmill {
namespace {

TEST(RejectsTextTest, NothingRejectedIsNoText) {
  EXPECT_EQ(FormatRejects({}, 10, ""), "");
}

TEST(RejectsTextTest, GroupsComeByCountWithExamples) {
  RejectTallies rejects;
  rejects[RejectCode::kNotFound].Add({"train", 9, "/no/a.wav", "gone"},
                                     "no such folder");
  for (uint64_t line = 1; line <= 4; ++line) {
    rejects[RejectCode::kForeignFormat].Add(
        {"train", line, "b.wav", "is FLAC, not"}, "FLAC");
  }
  EXPECT_EQ(FormatRejects(rejects, 2000, ""),
            "rejected 5 of 2,000 lines (0.2 %):\n"
            "        4 not_wav (FLAC)\n"
            "          train line 1: b.wav: is FLAC, not\n"
            "          train line 2: b.wav: is FLAC, not\n"
            "          train line 3: b.wav: is FLAC, not\n"
            "        1 not_found (no such folder)\n"
            "          train line 9: /no/a.wav\n");
  EXPECT_EQ(FormatLargestCauses(rejects),
            "4 not_wav (FLAC), 1 not_found (no such folder)");
}

TEST(RejectsTextTest, TheAbsolutePathThatWasTriedIsShown) {
  RejectTallies rejects;
  rejects[RejectCode::kNotFound].Add({"train", 1, "x/../a.wav", ""},
                                     "no such file");
  const std::string tried =
      (std::filesystem::current_path() / "root" / "a.wav").string();
  const std::string text = FormatRejects(rejects, 1, "root");
  EXPECT_NE(text.find("x/../a.wav: tried " + tried + "\n"), std::string::npos)
      << text;
}

TEST(RejectsTextTest, TheCopyOfAudioAtAUrlHasThePathThatWasTried) {
  RejectTallies rejects;
  rejects[RejectCode::kNotFound].Add({"train", 1, "s3://b/a", "", "/c/a"});
  rejects[RejectCode::kNotFound].Add({"train", 2, "s3://b/a", "", "a"});
  const std::string text = FormatRejects(rejects, 2, "/root");
  EXPECT_NE(text.find("1: s3://b/a: tried /c/a\n"), std::string::npos) << text;
  EXPECT_NE(text.find("2: s3://b/a: tried /root/a\n"), std::string::npos)
      << text;
}

TEST(RejectsTextTest, AWrongKindOfPathHasItsAdvice) {
  for (const auto& [cause, advice] :
       {std::pair("a URL", "melmill stage"),
        std::pair("a path with ~", "expanded"),
        std::pair("a path with backslashes", "slashes")}) {
    RejectTallies rejects;
    rejects[RejectCode::kNotFound].Add({"train", 1, "x", ""}, cause);
    const std::string text = FormatRejects(rejects, 1, "");
    EXPECT_NE(text.find(advice), std::string::npos) << text;
    EXPECT_EQ(text.find("tried"), std::string::npos) << text;
  }
}

TEST(RejectsTextTest, ManyCausesAreCutShort) {
  RejectTallies rejects;
  for (const char* cause : {"FLAC", "MP3", "Opus", "text", "JSON"}) {
    rejects[RejectCode::kForeignFormat].Add({"train", 1, "x", ""}, cause);
  }
  const std::string text = FormatLargestCauses(rejects);
  EXPECT_TRUE(text.ends_with(", 2 others")) << text;
}

TEST(RejectsTextTest, ARejectedLineIsPrintedSafely) {
  EXPECT_EQ(FormatRejectedLine({.split = "train",
                                .line = 3,
                                .audio = "a\nb.wav",
                                .code = RejectCode::kNotFound,
                                .message = "gone"}),
            "train line 3: a\\x0ab.wav: not_found: gone\n");
}

}  // namespace
}  // namespace melmill
