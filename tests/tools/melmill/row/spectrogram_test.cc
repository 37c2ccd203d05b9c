#include "tools/melmill/row/spectrogram.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tools/melmill/terminal/text_width.h"

namespace melmill {
namespace {

std::vector<std::string> Lines(std::string text) {
  std::vector<std::string> lines;
  for (size_t end; (end = text.find('\n')) != std::string::npos;) {
    lines.push_back(text.substr(0, end));
    text.erase(0, end + 1);
  }
  EXPECT_EQ(text, "");
  return lines;
}

RowFeatures Silence(size_t num_frames, size_t n_mels = 128) {
  return {.n_mels = n_mels, .values = std::vector<float>(num_frames * n_mels)};
}

TEST(SpectrogramTest, HasMelsUpAndTimeAcross) {
  RowFeatures features = Silence(100, 32);
  // The second half sounds in the lower half of the bands.
  for (size_t frame = 50; frame < 100; ++frame) {
    for (size_t mel = 0; mel < 16; ++mel) features.values[frame * 32 + mel] = 1;
  }
  const auto lines = Lines(DrawSpectrogram(features, 1.0, 17 + 10));
  ASSERT_EQ(lines.size(), 17u);
  EXPECT_EQ(lines[0], "8 kHz ┤");
  EXPECT_EQ(lines[7], "      │");
  EXPECT_EQ(lines[8], "      │          ██████████");
  EXPECT_EQ(lines[15], " 0 Hz ┤          ██████████");
  EXPECT_EQ(lines[16], "       0 s           1.00 s");
}

TEST(SpectrogramTest, ShadesGoFromTheLeastToTheMost) {
  RowFeatures features = Silence(5, 1);
  features.values = {-0.5f, -0.25f, 0, 0.25f, 0.5f};
  const auto lines = Lines(DrawSpectrogram(features, 0.05, 80));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "8 kHz ┤ ░▒▓█");
  EXPECT_EQ(lines[1], "       0 s 0.05 s");
}

TEST(SpectrogramTest, FitsAnyWidth) {
  for (const size_t num_frames : {1, 7, 300, 100'000}) {
    for (const size_t width : {20, 40, 80, 200}) {
      RowFeatures features = Silence(num_frames);
      features.values.back() = 1;
      const std::string text = DrawSpectrogram(
          features, static_cast<double>(num_frames) / 100, width);
      EXPECT_EQ(Lines(text).size(), 17u);
      for (const std::string& line : Lines(text)) {
        EXPECT_LE(DisplayWidth(line), width) << num_frames;
      }
    }
  }
}

TEST(SpectrogramTest, OneLevelIsBlank) {
  for (const std::string& line : Lines(DrawSpectrogram(Silence(50), 0.5, 80))) {
    EXPECT_EQ(line.find("░"), std::string::npos);
    EXPECT_EQ(line.find("█"), std::string::npos);
  }
  EXPECT_EQ(DrawSpectrogram({.n_mels = 128}, 0, 80), "");
}

}  // namespace
}  // namespace melmill
