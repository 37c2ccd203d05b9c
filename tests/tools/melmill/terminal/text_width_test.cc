#include "tools/melmill/terminal/text_width.h"

#include <gtest/gtest.h>

#include <string>

namespace melmill {
namespace {

constexpr char kAcute[] = "e\xCC\x81";  // e and a combining acute accent

TEST(DisplayWidthTest, CountsColumns) {
  EXPECT_EQ(DisplayWidth(""), 0u);
  EXPECT_EQ(DisplayWidth("abc"), 3u);
  EXPECT_EQ(DisplayWidth("Жё"), 2u);
  EXPECT_EQ(DisplayWidth("中文"), 4u);
  EXPECT_EQ(DisplayWidth("😀"), 2u);
  EXPECT_EQ(DisplayWidth(kAcute), 1u);
  EXPECT_EQ(DisplayWidth("한"), 2u);
  EXPECT_EQ(DisplayWidth("ｱ"), 1u);             // half width
  EXPECT_EQ(DisplayWidth("\xE2\x80\x8B"), 0u);  // zero-width space
  EXPECT_EQ(DisplayWidth("░▒▓█┤…"), 6u);
}

TEST(CutTest, KeepsTheWidth) {
  EXPECT_EQ(CutEnd("abcdef", 6), "abcdef");
  EXPECT_EQ(CutEnd("abcdef", 5), "abcd…");
  EXPECT_EQ(CutEnd("abcdef", 1), "…");
  EXPECT_EQ(CutEnd("abcdef", 0), "");
  EXPECT_EQ(CutStart("abcdef", 6), "abcdef");
  EXPECT_EQ(CutStart("abcdef", 5), "…cdef");
  EXPECT_EQ(CutStart("abcdef", 1), "…");
  EXPECT_EQ(CutStart("abcdef", 0), "");
  for (const char* text : {"中文字", "a中b文", "😀é😀", "abc"}) {
    for (size_t width = 0; width < 8; ++width) {
      EXPECT_LE(DisplayWidth(CutEnd(text, width)), width) << text;
      EXPECT_LE(DisplayWidth(CutStart(text, width)), width) << text;
    }
  }
}

TEST(CutTest, CutsNoCharacterInTwo) {
  EXPECT_EQ(CutEnd("中文字", 5), "中文…");
  EXPECT_EQ(CutEnd("中文字", 4), "中…");  // one column is left empty
  EXPECT_EQ(CutStart("中文字", 4), "…字");
  const std::string text = std::string(kAcute) + "xyz";
  EXPECT_EQ(CutEnd(text, 2), std::string(kAcute) + "…");
  EXPECT_EQ(CutStart(std::string("abc") + kAcute + "z", 3),
            std::string("…") + kAcute + "z");
  EXPECT_EQ(CutStart(std::string("abc") + kAcute + "z", 2), "…z");
}

TEST(PadToTest, FillsUpWithSpaces) {
  EXPECT_EQ(PadTo("ab", 4), "ab  ");
  EXPECT_EQ(PadTo("中", 4), "中  ");
  EXPECT_EQ(PadTo("abcde", 4), "abcde");
}

}  // namespace
}  // namespace melmill
