#include "io/manifest/segment_fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <system_error>

#include "io/manifest/utf8.h"

namespace melmill {
namespace {

std::optional<double> ParseNumber(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  if (!std::isfinite(value)) return std::nullopt;  // "nan" is no number here
  return value;
}

// Parses the digits of hours, minutes or seconds.
std::optional<double> ParseDigits(std::string_view text, bool may_be_fraction) {
  const auto is_part = [may_be_fraction](char c) {
    return (c >= '0' && c <= '9') || (may_be_fraction && c == '.');
  };
  if (!std::all_of(text.begin(), text.end(), is_part)) return std::nullopt;
  return ParseNumber(text);
}

}  // namespace

std::optional<double> ParseSeconds(std::string_view text) {
  constexpr size_t kMaxBytes = 64;
  if (text.size() > kMaxBytes) return std::nullopt;
  std::string number(text);
  std::replace(number.begin(), number.end(), ',', '.');
  text = number;
  if (text.ends_with('s')) text.remove_suffix(1);
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.find(':') == text.npos) return ParseNumber(text);
  double seconds = 0;
  while (true) {
    const size_t colon = text.find(':');
    const std::optional<double> part =
        ParseDigits(text.substr(0, colon), colon == text.npos);
    if (!part) return std::nullopt;
    seconds = seconds * 60 + *part;
    if (colon == text.npos) return seconds;
    text.remove_prefix(colon + 1);
  }
}

SegmentFields::Kind SegmentFields::KindOf(std::string_view key) {
  if (key == "offset") return Kind::kOffset;
  if (key == "start" || key == "begin" || key == "start_time") {
    return Kind::kStart;
  }
  if (key == "start_sample") return Kind::kStartSample;
  if (key == "segment") return Kind::kSegment;
  if (key == "duration") return Kind::kDuration;
  if (key == "end" || key == "end_time" || key == "num_samples") {
    return Kind::kEnd;
  }
  if (key == "channel") return Kind::kChannel;
  return Kind::kOther;
}

bool SegmentFields::StartField(std::string_view key) {
  kind_ = KindOf(key);
  if (kind_ == Kind::kOther || kind_ == Kind::kChannel) return false;
  said_.push_back({.key = std::string(key)});
  return true;
}

void SegmentFields::AddNumber(double value, bool is_nested) {
  switch (kind_) {
    case Kind::kOffset:
      if (value == 0 && !is_nested) has_zero_offset_ = true;
      [[fallthrough]];
    case Kind::kStart:
      has_start_ = has_start_ || value != 0;
      return;
    case Kind::kStartSample:
      has_start_ = has_start_ || !is_nested;
      return;
    case Kind::kSegment:
      has_start_ = has_start_ || (is_nested && value != 0);
      return;
    case Kind::kDuration:
      if (!is_nested) duration_s_ = value;
      return;
    case Kind::kChannel:
      has_channel_ = has_channel_ || !is_nested;
      return;
    case Kind::kOther:
    case Kind::kEnd:
      return;
  }
}

void SegmentFields::AddText(std::string_view text, bool is_nested) {
  if (kind_ == Kind::kOther) return;
  const std::optional<double> seconds = ParseSeconds(text);
  if (seconds) AddNumber(*seconds, is_nested);
}

NamedSegment SegmentFields::Finish() const {
  NamedSegment segment;
  segment.has_start = has_start_;
  segment.has_zero_offset = has_zero_offset_;
  segment.duration_s = duration_s_;
  if (!has_start_ && (!has_zero_offset_ || !duration_s_)) return segment;
  for (const Said& said : said_) {
    segment.fields += segment.fields.empty() ? "\"" : ", \"";
    segment.fields += said.key + "\": " + Quotable(*said.json);
  }
  return segment;
}

}  // namespace melmill
