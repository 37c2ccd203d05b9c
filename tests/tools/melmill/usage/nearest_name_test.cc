#include "tools/melmill/usage/nearest_name.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace melmill {
namespace {

TEST(EditDistanceTest, CountsLettersToChange) {
  EXPECT_EQ(EditDistance("", ""), 0u);
  EXPECT_EQ(EditDistance("abc", ""), 3u);
  EXPECT_EQ(EditDistance("", "ab"), 2u);
  EXPECT_EQ(EditDistance("extract", "extract"), 0u);
  EXPECT_EQ(EditDistance("extrct", "extract"), 1u);    // inserted
  EXPECT_EQ(EditDistance("extrract", "extract"), 1u);  // deleted
  EXPECT_EQ(EditDistance("extrect", "extract"), 1u);   // replaced
  EXPECT_EQ(EditDistance("exrtact", "extract"), 1u);   // swapped
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

TEST(NearestNameTest, FindsWhatWasMeant) {
  const std::vector<std::string> names = {"--out", "--threads", "--io-threads",
                                          "--update"};
  EXPECT_EQ(NearestName("--thread", names), "--threads");
  EXPECT_EQ(NearestName("--ouput", names), "--out");
  EXPECT_EQ(NearestName("--otu", names), "--out");
  EXPECT_EQ(NearestName("--iothreads", names), "--io-threads");
  EXPECT_EQ(NearestName("--thr", names), "--threads");  // its beginning
  EXPECT_EQ(NearestName("--frobnicate", {"--truncate"}), "");
  EXPECT_EQ(NearestName("", names), "");
}

TEST(NearestNameTest, IsAskedForInWords) {
  EXPECT_EQ(DidYouMean("infp", {"info", "verify"}), "\n  did you mean info?");
  EXPECT_EQ(DidYouMean("x", {"info", "verify"}), "");
}

}  // namespace
}  // namespace melmill
