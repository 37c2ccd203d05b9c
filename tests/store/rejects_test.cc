#include "store/rejects.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace melmill {
namespace {

TEST(LedgerTest, IsOneObjectWithKeysInFixedOrder) {
  EXPECT_EQ(LedgerLine({"train", 17, "clips/a.wav", RejectCode::kNotFound,
                        "no such file"}),
            "{\"split\":\"train\",\"line\":17,\"audio\":\"clips/a.wav\","
            "\"stage\":\"open\",\"code\":\"not_found\","
            "\"message\":\"no such file\"}\n");
}

TEST(LedgerTest, LineWithoutAudioHasAnEmptyOne) {
  EXPECT_EQ(LedgerLine({"dev", std::numeric_limits<uint64_t>::max(), "",
                        RejectCode::kLineTooLong, "over 16 MiB"}),
            "{\"split\":\"dev\",\"line\":18446744073709551615,\"audio\":\"\","
            "\"stage\":\"manifest\",\"code\":\"line_too_long\","
            "\"message\":\"over 16 MiB\"}\n");
}

TEST(LedgerTest, SaysWhichPieceOfTheFile) {
  Source piece;
  LedgerEntry entry = {"train", 1, "a", RejectCode::kNotFinite, "m", &piece};
  const std::string end =
      "\"stage\":\"decode\",\"code\":\"not_finite\",\"message\":\"m\"}\n";
  const std::string start = "{\"split\":\"train\",\"line\":1,\"audio\":\"a\",";
  EXPECT_EQ(LedgerLine(entry), start + end);
  piece.segment_start = 5;
  piece.segment_num_samples = 300;
  EXPECT_EQ(LedgerLine(entry),
            start + "\"start_sample\":5,\"num_samples\":300," + end);
  piece.range = {512, 9000};
  EXPECT_EQ(LedgerLine(entry),
            start +
                "\"start_sample\":5,\"num_samples\":300,"
                "\"audio_offset\":512,\"audio_bytes\":9000," +
                end);
}

TEST(LedgerTest, EscapesWhatWouldBreakTheLine) {
  const std::string line =
      LedgerLine({"train", 1, "a\n\"b\\\t\x1b", RejectCode::kForeignFormat,
                  "says \"fLaC\"\n"});
  EXPECT_EQ(line,
            "{\"split\":\"train\",\"line\":1,"
            "\"audio\":\"a\\n\\\"b\\\\\\t\\u001b\","
            "\"stage\":\"header\",\"code\":\"not_wav\","
            "\"message\":\"says \\\"fLaC\\\"\\n\"}\n");
}

TEST(LedgerTest, KeepsUnicodeReadable) {
  const std::string line = LedgerLine(
      {"train", 1, "\u00fcber/\u97f3.wav", RejectCode::kNotFound, ""});
  EXPECT_NE(line.find("\"audio\":\"\u00fcber/\u97f3.wav\""), line.npos);
}

TEST(LedgerTest, ReplacesBytesThatAreNotUtf8) {
  const std::string line =
      LedgerLine({"tr\xFF", 1, "a\xC3.wav", RejectCode::kNotFound, "\x80"});
  EXPECT_EQ(line,
            "{\"split\":\"tr\uFFFD\",\"line\":1,\"audio\":\"a\uFFFD.wav\","
            "\"stage\":\"open\",\"code\":\"not_found\","
            "\"message\":\"\uFFFD\"}\n");
}

}  // namespace
}  // namespace melmill
