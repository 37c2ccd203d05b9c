#include "tools/melmill/usage/help_text.h"

#include <gtest/gtest.h>

namespace melmill {
namespace {

TEST(WrapTest, BreaksBetweenWords) {
  EXPECT_EQ(Wrap("one two three four five six", 0, 20),
            "one two three four\nfive six");
  EXPECT_EQ(Wrap("one two three four", 4, 24), "one two three four");
  EXPECT_EQ(Wrap("one two three four five", 4, 24),
            "one two three four\n    five");
}

TEST(WrapTest, ALongWordGetsALineOfItsOwn) {
  EXPECT_EQ(Wrap("a incomprehensibilities b", 0, 20),
            "a\nincomprehensibilities\nb");
}

TEST(WrapTest, KeepsLinesAndExamples) {
  EXPECT_EQ(Wrap("Examples:\n  melmill extract train.jsonl -o out\nEnd", 0, 20),
            "Examples:\n  melmill extract train.jsonl -o out\nEnd");
  EXPECT_EQ(Wrap("", 0, 20), "");
}

TEST(WrapTest, ANarrowScreenStillShowsWords) {
  EXPECT_EQ(Wrap("one two three four five", 10, 12),
            "one two three four\n          five");
}

}  // namespace
}  // namespace melmill
