#include "io/mp3/mp3_frame.h"

#include <gtest/gtest.h>

#include <array>

namespace melmill {
namespace {

std::optional<Mp3Frame> Parse(unsigned a, unsigned b, unsigned c, unsigned d) {
  return ParseMp3Frame(
      std::array{std::byte(a), std::byte(b), std::byte(c), std::byte(d)});
}

TEST(Mp3FrameTest, ReadsTheVersionsRatesAndSizes) {
  const auto mpeg1 = Parse(0xFF, 0xFB, 0x90, 0x64);
  ASSERT_TRUE(mpeg1);
  EXPECT_EQ(mpeg1->sample_rate_hz, 44100);
  EXPECT_EQ(mpeg1->num_channels, 2);
  EXPECT_EQ(mpeg1->num_samples, 1152);
  EXPECT_EQ(mpeg1->num_bytes, 417u);  // 144 * 128000 / 44100
  EXPECT_EQ(mpeg1->side_info_bytes, 32u);
  EXPECT_EQ(Parse(0xFF, 0xFB, 0x92, 0x64)->num_bytes, 418u);  // padded
  const auto mpeg2 = Parse(0xFF, 0xF3, 0x48, 0xC4);
  ASSERT_TRUE(mpeg2);
  EXPECT_EQ(mpeg2->sample_rate_hz, 16000);
  EXPECT_EQ(mpeg2->num_channels, 1);
  EXPECT_EQ(mpeg2->num_samples, 576);
  EXPECT_EQ(mpeg2->num_bytes, 144u);  // 72 * 32000 / 16000
  EXPECT_EQ(mpeg2->side_info_bytes, 9u);
  const auto mpeg25 = Parse(0xFF, 0xE3, 0x18, 0xC4);
  ASSERT_TRUE(mpeg25);
  EXPECT_EQ(mpeg25->sample_rate_hz, 8000);
  EXPECT_EQ(mpeg25->num_bytes, 72u);  // 72 * 8000 / 8000
  EXPECT_TRUE(mpeg1->MatchesStream(*Parse(0xFF, 0xFB, 0x50, 0x64)));
  EXPECT_FALSE(mpeg1->MatchesStream(*Parse(0xFF, 0xFB, 0x94, 0x64)));
  EXPECT_FALSE(mpeg1->MatchesStream(*Parse(0xFF, 0xFB, 0x90, 0xC4)));
  EXPECT_FALSE(mpeg2->MatchesStream(*mpeg25));
}

TEST(Mp3FrameTest, RefusesOtherBytes) {
  EXPECT_FALSE(Parse(0xFE, 0xFB, 0x90, 0x64));  // no synchronisation
  EXPECT_FALSE(Parse(0xFF, 0x7B, 0x90, 0x64));
  EXPECT_FALSE(Parse(0xFF, 0xEB, 0x90, 0x64));  // no such version
  EXPECT_FALSE(Parse(0xFF, 0xFD, 0x90, 0x64));  // layer II
  EXPECT_FALSE(Parse(0xFF, 0xF1, 0x50, 0x80));  // ADTS
  EXPECT_FALSE(Parse(0xFF, 0xFB, 0x00, 0x64));  // free format
  EXPECT_FALSE(Parse(0xFF, 0xFB, 0xF0, 0x64));
  EXPECT_FALSE(Parse(0xFF, 0xFB, 0x9C, 0x64));  // no such sample rate
  EXPECT_FALSE(ParseMp3Frame(
      std::array{std::byte{0xFF}, std::byte{0xFB}, std::byte{0x90}}));
}

}  // namespace
}  // namespace melmill
