#include "tools/melmill/row/row_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "io/manifest/utf8.h"
#include "store/json_object.h"
#include "store/shard/shard.h"
#include "tools/melmill/row/spectrogram.h"
#include "tools/melmill/terminal/text_width.h"

namespace melmill {
namespace {

constexpr size_t kSecondsWidth = 7;
constexpr size_t kFromWidth = 14;
constexpr size_t kGap = 2;  // between columns

// The stored value x of a mel power p is (log10(p) + 4) / 4.
double Decibels(double log_mel) { return 40 * (log_mel - 1); }

std::string DescribeLevel(const RowFeatures& features) {
  const auto& values = features.values;
  if (values.empty()) return "none";
  const double peak = *std::max_element(values.begin(), values.end());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) /
                      static_cast<double>(values.size());
  return fmt::format("peak {:.1f} dB, mean {:.1f} dB (log-mel {:.2f}, {:.2f})",
                     Decibels(peak), Decibels(mean), peak, mean);
}

std::string DescribePeak(float peak) {
  if (peak == 0) return "0, all samples";
  return fmt::format("{:.4f} of full scale ({:.1f} dB)", peak,
                     20 * std::log10(peak));
}

// Where the piece begins in its file.
std::string From(const StoredRow& row) {
  if (row.is_segment()) return fmt::format("{:.3f} s", row.segment_start_s());
  if (row.has_range()) return fmt::format("byte {}", row.range.offset);
  return "";
}

std::string DescribeSegment(const StoredRow& row) {
  return fmt::format(
      "{:.3f} s from {:.3f} s of the file on ({} samples from "
      "{} on at {} Hz)",
      row.segment_seconds(), row.segment_start_s(), row.segment_num_samples,
      row.segment_start, row.source_rate_hz);
}

}  // namespace

RowTable::RowTable(uint64_t last_row, size_t width, bool has_pieces)
    : row_width_(std::max<size_t>(3, std::to_string(last_row).size())),
      from_width_(has_pieces ? kFromWidth : 0) {
  constexpr size_t kNarrow = 60;
  language_width_ = width < kNarrow ? 0 : 10;
  const size_t fixed = row_width_ + kGap + kSecondsWidth + kGap +
                       (from_width_ > 0 ? from_width_ + kGap : 0) +
                       (language_width_ > 0 ? language_width_ + kGap : 0) +
                       kGap;
  constexpr size_t kLeast = 8;  // of text, and of a path
  const size_t rest = std::max(width, fixed + 2 * kLeast) - fixed;
  audio_width_ = std::clamp(rest * 2 / 5, kLeast, size_t{60});
  text_width_ = rest - audio_width_;
}

std::string RowTable::Format(const std::string& row, const std::string& seconds,
                             const std::string& from,
                             const std::string& language,
                             const std::string& text,
                             const std::string& audio) const {
  std::string line =
      fmt::format("{:>{}}  {:>{}}  ", row, row_width_, seconds, kSecondsWidth);
  if (from_width_ > 0) {
    line += PadTo(CutEnd(from, from_width_), from_width_ + kGap);
  }
  if (language_width_ > 0) {
    line += PadTo(CutEnd(language, language_width_), language_width_ + kGap);
  }
  line += PadTo(CutEnd(text, text_width_), text_width_ + kGap);
  return line + CutStart(audio, audio_width_) + '\n';
}

std::string RowTable::Header() const {
  return Format("row", "seconds", "from", "language", "text", "audio");
}

std::string RowTable::Line(const StoredRow& row) const {
  return Format(std::to_string(row.row), fmt::format("{:.2f}", row.seconds()),
                From(row), row.language(), Printable(row.transcript()),
                Printable(row.audio));
}

std::string FormatRow(const StoredRow& row, const RowFeatures& features,
                      const StoreIndex& index, size_t width) {
  std::string text = fmt::format("{} row {} (manifest line {})\n", row.split,
                                 row.row, row.line);
  const auto add = [&text](std::string_view name, const std::string& value) {
    text += fmt::format("{:8}  {}\n", name, value);
  };
  add("audio", Printable(row.audio));
  if (!row.audio_path.empty()) add("file", Printable(row.audio_path));
  if (row.is_segment()) add("segment", DescribeSegment(row));
  if (row.has_range()) {
    add("bytes", fmt::format("{} from byte {} of the file on",
                             row.range.num_bytes, row.range.offset));
  }
  if (!row.prompt.empty()) add("prompt", Printable(row.prompt));
  const std::string transcript = row.transcript();
  add("text", transcript.empty() ? "(none)" : Printable(transcript));
  add("language", row.language().empty() ? "(none given)" : row.language());
  for (size_t i = 0; i < row.kept.size(); ++i) {
    if (!row.kept[i].empty()) add(index.kept_fields[i], Printable(row.kept[i]));
  }
  add("length", fmt::format("{:.2f} s, {} frames of {} mels", row.seconds(),
                            row.num_frames, features.n_mels));
  if (features.peak != kUnknownPeak) add("peak", DescribePeak(features.peak));
  add("level", DescribeLevel(features));
  return text + DrawSpectrogram(features, row.seconds(), width);
}

std::string FormatRowJson(const StoredRow& row, const StoreIndex& index) {
  auto json = nlohmann::ordered_json::object();
  json["split"] = row.split;
  json["row"] = row.row;
  json["line"] = row.line;
  json["audio"] = row.audio;
  if (!row.audio_path.empty()) json["audio_path"] = row.audio_path;
  if (row.is_segment()) {
    json["segment"] = {{"start_s", row.segment_start_s()},
                       {"duration_s", row.segment_seconds()},
                       {"start_sample", row.segment_start},
                       {"num_samples", row.segment_num_samples}};
  }
  if (row.has_range()) {
    json["audio_offset"] = row.range.offset;
    json["audio_bytes"] = row.range.num_bytes;
  }
  json["text"] = row.text;
  const std::string language = row.language();
  json["language"] = nullptr;
  if (!language.empty()) {
    json["language"] = language;
    json["transcript"] = row.transcript();
  }
  if (!row.prompt.empty()) json["prompt"] = row.prompt;
  json["duration_s"] = row.seconds();
  json["num_samples"] = row.num_samples;
  json["num_frames"] = row.num_frames;
  auto kept = nlohmann::ordered_json::object();
  for (size_t i = 0; i < row.kept.size(); ++i) {
    if (!CheckJsonShape(row.kept[i]).ok()) continue;  // absent, or damaged
    kept[index.kept_fields[i]] = nlohmann::ordered_json::parse(row.kept[i]);
  }
  if (!kept.empty()) json["kept"] = kept;
  return JsonText(json) + '\n';
}

}  // namespace melmill
