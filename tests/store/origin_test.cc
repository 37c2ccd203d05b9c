#include "store/origin.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace melmill {
namespace {

TEST(OriginTest, ComesBackFromItsText) {
  const Origin origin = {
      .command = {"melmill", "extract", "a b.jsonl", "--keep", "Ж"},
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

TEST(OriginTest, CommandNamesTheFolderWhereTheStoreIs) {
  const Origin origin = {.command = {"melmill", "extract", "a.jsonl"},
                         .working_folder = "/data/job"};
  const auto out = [&](const char* folder) {
    const std::vector<std::string> words = CommandInto(origin, folder);
    EXPECT_EQ(words.size(), 5u);
    EXPECT_EQ(words[3], "--out");
    return words.back();
  };
  EXPECT_EQ(out("/data/job/store"), "store");
  EXPECT_EQ(out("/data/job/a/../b/store/"), "b/store/");
  EXPECT_EQ(out("/data/job2/store"), "/data/job2/store");
  EXPECT_EQ(out("/copy"), "/copy");
  const std::string here = std::filesystem::current_path();
  EXPECT_EQ(out("store"), here + "/store");
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
