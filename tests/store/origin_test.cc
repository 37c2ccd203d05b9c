#include "store/origin.h"

#include <gtest/gtest.h>

namespace melmill {
namespace {

TEST(OriginTest, ComesBackFromItsText) {
  const Origin origin = {
      .command = {"melmill", "extract", "a b.jsonl", "--out", "Ж"},
      .working_folder = "/data",
      .audio_root = "/audio"};
  EXPECT_EQ(ParseOrigin(FormatOrigin(origin)), origin);
  EXPECT_EQ(origin.audio_folder(), "/audio");
  EXPECT_EQ((Origin{.working_folder = "/data"}).audio_folder(), "/data");
}

TEST(OriginTest, OtherTextIsNone) {
  for (const char* text :
       {"", "[]", "{}", "{\"command\":1,\"working_folder\":\"\"}",
        "{\"command\":[1],\"working_folder\":\"\",\"audio_root\":\"\"}",
        "{\"command\":[],\"working_folder\":\"\"}"}) {
    EXPECT_EQ(ParseOrigin(text), std::nullopt) << text;
  }
}

TEST(OriginTest, TextFromALaterVersionMayHaveMore) {
  EXPECT_TRUE(ParseOrigin("{\"command\":[],\"working_folder\":\"\","
                          "\"audio_root\":\"\",\"more\":1}")
                  .has_value());
}

TEST(ShellLineTest, QuotesWhatAShellWouldChange) {
  EXPECT_EQ(ShellLine({}), "");
  EXPECT_EQ(ShellLine({"melmill", "a/b_1=c.jsonl", "--keep"}),
            "melmill a/b_1=c.jsonl --keep");
  EXPECT_EQ(ShellLine({"", "a b", "$x", "it's", "Ж"}),
            "'' 'a b' '$x' 'it'\\''s' 'Ж'");
  EXPECT_EQ(ShellLine({"\x1b[2J'\\Ж"}), "$'\\x1b[2J\\'\\\\Ж'");
  EXPECT_EQ(ShellLine({"\xC2\x9B"}), "$'\\xc2\\x9b'");
}

}  // namespace
}  // namespace melmill
