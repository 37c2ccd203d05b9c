#include "io/manifest/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace melmill {
namespace {

TEST(PrintableTest, NothingThatATerminalObeysIsLeft) {
  for (const auto& [text, shown] : {
           std::pair("a b/\u00e9\U0001F600", "a b/\u00e9\U0001F600"),
           std::pair("\x1b[2J\x7f\n", "\\x1b[2J\\x7f\\x0a"),
           std::pair("\u009b", "\\x9b"),
           std::pair("\xff\xc3", "\\xff\\xc3"),
           // Changes of direction, and their neighbours.
           std::pair("a\u202egpj", "a\\u202egpj"),
           std::pair("\u202a\u2066\u2069", "\\u202a\\u2066\\u2069"),
           std::pair("\u2029\u202f\u2065\u206a\u05d0\u200f",
                     "\u2029\u202f\u2065\u206a\u05d0\u200f"),
       }) {
    EXPECT_EQ(Printable(text), shown);
    EXPECT_EQ(Printable(shown), shown);
  }
}

TEST(QuotableTest, IsAtMost120BytesAndThreeDots) {
  EXPECT_EQ(Quotable(std::string(120, 'a')), std::string(120, 'a'));
  EXPECT_EQ(Quotable(std::string(121, 'a')), std::string(120, 'a') + "...");
  EXPECT_EQ(Quotable(std::string(118, 'a') + "\u202e"),
            std::string(118, 'a') + "...");
}

}  // namespace
}  // namespace melmill
