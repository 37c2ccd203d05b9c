#include "tools/melmill/row/spectrogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace melmill {
namespace {

constexpr size_t kMaxLines = 16;
constexpr size_t kMaxColumns = 160;
constexpr size_t kMinWidth = 20;
constexpr std::array<std::string_view, 5> kShades = {" ", "░", "▒", "▓", "█"};
constexpr std::string_view kTopLabel = "8 kHz ┤";
constexpr std::string_view kLabel = "      │";
constexpr std::string_view kBottomLabel = " 0 Hz ┤";
constexpr size_t kLabelWidth = 7;

// The means of a grid of cells, line after line, from the highest mel bands.
std::vector<float> MeansOfCells(const RowFeatures& features, size_t num_lines,
                                size_t num_columns) {
  const auto num_frames = static_cast<size_t>(features.num_frames());
  std::vector<double> sums(num_lines * num_columns);
  std::vector<size_t> counts(sums.size());
  for (size_t frame = 0; frame < num_frames; ++frame) {
    const size_t column = frame * num_columns / num_frames;
    for (size_t mel = 0; mel < features.n_mels; ++mel) {
      const size_t line = num_lines - 1 - mel * num_lines / features.n_mels;
      const size_t cell = line * num_columns + column;
      sums[cell] += features.values[frame * features.n_mels + mel];
      ++counts[cell];
    }
  }
  std::vector<float> means(sums.size());
  for (size_t i = 0; i < sums.size(); ++i) {
    means[i] = static_cast<float>(sums[i] / static_cast<double>(counts[i]));
  }
  return means;
}

std::string_view Shade(float mean, float least, float most) {
  if (!(most > least)) return kShades.front();
  const float share = (mean - least) / (most - least);
  const auto shade = static_cast<size_t>(share * kShades.size());
  return kShades[std::min(shade, kShades.size() - 1)];
}

// "0 s" under the first column, the end's time under the last one.
std::string TimeAxis(size_t num_columns, double seconds) {
  const std::string start = "0 s";
  const std::string end = fmt::format("{:.2f} s", seconds);
  std::string line(kLabelWidth, ' ');
  line += start;
  if (start.size() + 1 + end.size() > num_columns) return line + ' ' + end;
  line.append(num_columns - start.size() - end.size(), ' ');
  return line + end;
}

}  // namespace

std::string DrawSpectrogram(const RowFeatures& features, double seconds,
                            size_t width) {
  const auto num_frames = static_cast<size_t>(features.num_frames());
  if (num_frames == 0) return "";
  const size_t num_lines = std::min(kMaxLines, features.n_mels);
  const size_t num_columns = std::min(
      {std::max(width, kMinWidth) - kLabelWidth, kMaxColumns, num_frames});
  const std::vector<float> means =
      MeansOfCells(features, num_lines, num_columns);
  const auto [least, most] = std::minmax_element(means.begin(), means.end());
  std::string text;
  for (size_t line = 0; line < num_lines; ++line) {
    text += line == 0               ? kTopLabel
            : line == num_lines - 1 ? kBottomLabel
                                    : kLabel;
    std::string cells;
    size_t used = 0;  // without spaces at the end
    for (size_t column = 0; column < num_columns; ++column) {
      cells += Shade(means[line * num_columns + column], *least, *most);
      if (cells.back() != ' ') used = cells.size();
    }
    text += cells.substr(0, used) + '\n';
  }
  return text + TimeAxis(num_columns, seconds) + '\n';
}

}  // namespace melmill
