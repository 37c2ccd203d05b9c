#include "io/manifest/piece_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace melmill {
namespace {

Error BadSegment(std::string message) {
  return {RejectCode::kBadSegment, std::move(message)};
}

Error BadRange(std::string message) {
  return {RejectCode::kBadRange, std::move(message)};
}

Result<std::optional<ByteRange>> FindRange(const PieceValue& offset,
                                           const PieceValue& num_bytes) {
  if (!offset.is_present && !num_bytes.is_present) {
    return std::optional<ByteRange>();
  }
  if (!num_bytes.is_present) {
    return BadRange("\"audio_offset\" without \"audio_bytes\"");
  }
  if (!offset.is_present) {
    return BadRange("\"audio_bytes\" without \"audio_offset\"");
  }
  if (!offset.is_whole) {
    return BadRange("\"audio_offset\" is not a whole number from 0 on");
  }
  if (!num_bytes.is_whole || num_bytes.whole == 0) {
    return BadRange("\"audio_bytes\" is not a whole number from 1 on");
  }
  return std::optional<ByteRange>({static_cast<uint64_t>(offset.whole),
                                   static_cast<uint64_t>(num_bytes.whole)});
}

}  // namespace

const std::array<std::string_view, PieceFields::kNumFields>
    PieceFields::kNames = {"start_sample", "num_samples", "offset",
                           "start",        "duration",    "end",
                           "audio_offset", "audio_bytes"};

void PieceFields::StartField(std::string_view key) {
  const auto* const name = std::ranges::find(kNames, key);
  is_current_ = name != kNames.end();
  if (!is_current_) return;
  current_ = static_cast<Field>(name - kNames.begin());
  values_[current_] = {.is_present = true};
}

void PieceFields::AddInteger(int64_t value) {
  if (PieceValue* to = current()) {
    *to = {.is_present = true,
           .is_number = true,
           .is_whole = value >= 0,
           .real = static_cast<double>(value),
           .whole = value};
  }
}

void PieceFields::AddUnsigned(uint64_t value) {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (value <= kMax) return AddInteger(static_cast<int64_t>(value));
  AddReal(static_cast<double>(value));
}

void PieceFields::AddReal(double value) {
  if (PieceValue* to = current()) {
    *to = {.is_present = true, .is_number = true, .real = value};
  }
}

void PieceFields::AddNull() {
  if (PieceValue* to = current()) *to = {};
}

// Refuses lines that say it in two ways.
Result<void> PieceFields::CheckForms(SegmentUse use) const {
  const bool has_offset = value(kOffset).is_number;
  const bool has_start = value(kStart).is_number;
  const bool has_duration = value(kDuration).is_number;
  if (value(kStartSample).is_present && (has_offset || has_start)) {
    return BadSegment(
        fmt::format("a segment in two forms: \"start_sample\" and \"{}\"",
                    kNames[has_offset ? kOffset : kStart]));
  }
  const bool is_cut =
      has_duration && (has_offset || (has_start && use == SegmentUse::kAll));
  if (has_offset && has_start && (is_cut || use == SegmentUse::kAll)) {
    return BadSegment("a segment in two forms: \"offset\" and \"start\"");
  }
  if (is_cut && value(kEnd).is_number) {
    return BadSegment("\"duration\" and \"end\" in one line");
  }
  return {};
}

Result<std::optional<SegmentRequest>> PieceFields::FindSamples() const {
  const PieceValue& start = value(kStartSample);
  const PieceValue& num_samples = value(kNumSamples);
  if (!start.is_present) return std::optional<SegmentRequest>();
  if (!start.is_whole) {
    return BadSegment("\"start_sample\" is not a whole number from 0 on");
  }
  if (!num_samples.is_present) {
    return BadSegment("\"start_sample\" without \"num_samples\"");
  }
  if (!num_samples.is_whole || num_samples.whole == 0) {
    return BadSegment("\"num_samples\" is not a whole number from 1 on");
  }
  return std::optional<SegmentRequest>(
      {.start_sample = start.whole, .num_samples = num_samples.whole});
}

Result<std::optional<SegmentRequest>> PieceFields::FindSeconds(
    SegmentUse use, std::vector<std::string_view>* fields) const {
  const bool is_all = use == SegmentUse::kAll;
  const Field start = is_all && value(kStart).is_present ? kStart : kOffset;
  const PieceValue& duration = value(kDuration);
  const PieceValue& end = value(kEnd);
  if (!value(start).is_present) return std::optional<SegmentRequest>();
  if (!is_all && (!value(start).is_number || !duration.is_number)) {
    return std::optional<SegmentRequest>();
  }
  const auto refuse = [](Field field, std::string_view what) {
    return BadSegment(fmt::format("\"{}\" {}", kNames[field], what));
  };
  if (!value(start).is_number) return refuse(start, "is not a number");
  if (value(start).real < 0) return refuse(start, "is negative");
  SegmentRequest request{.is_in_seconds = true, .start_s = value(start).real};
  const Field length = duration.is_number ? kDuration : kEnd;
  if (duration.is_number) {
    if (duration.real < 0) return refuse(kDuration, "is negative");
    request.duration_s = duration.real;
  } else if (is_all && end.is_number) {
    if (end.real < 0) return refuse(kEnd, "is negative");
    if (end.real <= request.start_s)
      return refuse(kEnd, "is not after the start");
    request.end_s = end.real;
  } else {
    return refuse(start, "without \"end\" or \"duration\" as a number");
  }
  *fields = {kNames[start], kNames[length]};
  return std::optional<SegmentRequest>(request);
}

Result<PieceRequest> PieceFields::Finish(SegmentUse use) const {
  PieceRequest request;
  const auto range = FindRange(value(kAudioOffset), value(kAudioBytes));
  if (!range.ok()) return range.error();
  request.range = range.value();
  if (use != SegmentUse::kNone) {
    const Result<void> checked = CheckForms(use);
    if (!checked.ok()) return checked.error();
    auto segment = FindSamples();
    if (segment.ok() && segment.value()) {
      request.fields = {kNames[kStartSample], kNames[kNumSamples]};
    } else if (segment.ok()) {
      segment = FindSeconds(use, &request.fields);
    }
    if (!segment.ok()) return segment.error();
    request.segment = segment.value();
  }
  if (request.range) {
    request.fields.push_back(kNames[kAudioOffset]);
    request.fields.push_back(kNames[kAudioBytes]);
  }
  return request;
}

}  // namespace melmill
