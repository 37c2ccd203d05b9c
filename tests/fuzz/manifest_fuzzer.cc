// Fuzzes a manifest: LineReader's lines, ParseManifestLine on each of them, the
// fast parser compared with the complete one, and what a manifest's beginning
// says about its format.

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/file/line_reader.h"
#include "io/hash.h"
#include "io/manifest/audio_path.h"
#include "io/manifest/flat_json.h"
#include "io/manifest/foreign_manifest.h"
#include "io/manifest/manifest.h"
#include "io/manifest/segment_request.h"
#include "io/manifest/training_line.h"
#include "io/manifest/utf8.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/json_recorder.h"

namespace melmill {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxMessageBytes = 256;

// The lines that LineReader must return for the text, computed in the simplest
// way.
std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t newline = text.find('\n');
    std::string_view line = text.substr(0, newline);
    const bool ends_here = newline == text.npos;
    if (!ends_here && line.ends_with('\r')) line.remove_suffix(1);
    if (lines.empty() && line.starts_with("\xEF\xBB\xBF")) {
      line.remove_prefix(3);
    }
    lines.emplace_back(line);
    text.remove_prefix(ends_here ? text.size() : newline + 1);
  }
  return lines;
}

void CheckLineReader(std::string_view text,
                     const std::vector<std::string>& expected) {
  auto reader = LineReader::Open(FileOf(std::as_bytes(std::span(text))));
  Require(reader.ok(), "a manifest can be opened");
  for (size_t i = 0; i <= expected.size(); ++i) {
    const auto line = reader.value().Next();
    Require(line.ok(), "a manifest can be read");
    Require(line.value().has_value() == (i < expected.size()),
            "a manifest has as many lines as it has");
    if (i == expected.size()) break;
    Require(line.value()->number == i + 1 && !line.value()->too_long &&
                line.value()->bytes == expected[i],
            "a line is what lies between line ends");
  }
  Hasher128 hasher;
  hasher.Update(text);
  Require(reader.value().ContentHash() == hasher.Digest(),
          "a manifest's hash is that of its bytes");
}

bool Same(const Result<ManifestLine>& a, const Result<ManifestLine>& b) {
  if (a.ok() != b.ok()) return false;
  if (!a.ok()) {
    return a.error().code == b.error().code &&
           a.error().message == b.error().message;
  }
  const ManifestLine& x = a.value();
  const ManifestLine& y = b.value();
  return x.audio == y.audio && x.audio_path == y.audio_path &&
         x.text == y.text && x.prompt == y.prompt && x.kept == y.kept &&
         x.language == y.language &&
         x.num_dropped_fields == y.num_dropped_fields &&
         x.repeats_template == y.repeats_template &&
         x.lacks_template == y.lacks_template &&
         x.piece.segment == y.piece.segment && x.piece.range == y.piece.range &&
         x.piece.fields == y.piece.fields &&
         x.segment.has_start == y.segment.has_start &&
         x.segment.has_zero_offset == y.segment.has_zero_offset &&
         x.segment.duration_s == y.segment.duration_s &&
         x.segment.fields == y.segment.fields &&
         x.names_channel == y.names_channel;
}

// A segment that is found lies in its file, whatever the line asks for.
void CheckSegment(const SegmentRequest& request) {
  for (const int rate_hz : {1000, 16'000, 44'100, 768'000}) {
    for (const int64_t length :
         {int64_t{1}, int64_t{160'000}, INT64_MAX / 16}) {
      const Result<Segment> segment = FindSegment(request, length, rate_hz);
      if (!segment.ok()) {
        Require(segment.error().message.size() <= kMaxMessageBytes,
                "messages are short");
        continue;
      }
      Require(segment.value().start >= 0 && segment.value().num_samples > 0 &&
                  segment.value().start < length &&
                  segment.value().num_samples <= length - segment.value().start,
              "a segment lies in its file");
      Require(request.is_in_seconds || !segment.value().is_clipped,
              "samples are not clipped");
    }
  }
}

void CheckPiece(const ManifestLine& line, SegmentUse use) {
  Require(!line.piece.segment || use != SegmentUse::kNone,
          "whole files have no segments");
  Require(!line.piece.range || line.piece.range->num_bytes > 0,
          "a range has bytes");
  Require(line.num_dropped_fields >= 0, "fields are dropped once");
  if (line.piece.segment) CheckSegment(*line.piece.segment);
}

void CheckAccepted(const ManifestLine& line, const ManifestOptions& options) {
  CheckPiece(line, options.segments);
  Require(!line.audio.empty() && line.audio.find('\0') == std::string::npos,
          "an accepted audio string can be a path");
  Require(line.audio_path.empty() ||
              (IsUrl(line.audio) &&
               line.audio_path.find('\0') == std::string::npos),
          "an audio path can be one, and comes with a URL");
  for (const std::string* text :
       {&line.audio, &line.audio_path, &line.text, &line.prompt}) {
    Require(FindInvalidUtf8(*text) == std::string::npos, "strings are UTF-8");
  }
  Require(line.kept.size() == options.kept_fields.size(),
          "every kept field has its place");
  const std::string training =
      FormatTrainingLine({.audio = line.audio,
                          .text = line.text,
                          .prompt = line.prompt,
                          .kept_fields = options.kept_fields,
                          .kept = line.kept,
                          .audio_path = line.audio_path});
  Require(Json::accept(training) && training.find('\n') == std::string::npos,
          "a training line is one line of JSON");
  Require(FindInvalidUtf8(line.segment.fields) == std::string::npos &&
              line.segment.fields.size() < 4096,
          "what is said of a segment can be printed");
  Require(line.dropped_fields.size() <= ManifestLine::kMaxDroppedNames,
          "few dropped fields are named");
  for (const std::string& value : line.kept) {
    Require(value.empty() || Json::accept(value), "kept values are JSON");
    Require(value.find('\n') == std::string::npos, "kept values are one line");
  }
}

void CheckLine(std::string_view line, const ManifestOptions& options) {
  std::string audio;
  const auto parsed = ParseManifestLine(line, options, &audio);
  if (parsed.ok()) {
    Require(parsed.value().audio == audio, "the audio string is one");
    CheckAccepted(parsed.value(), options);
  } else {
    const std::string& message = parsed.error().message;
    Require(!message.empty() && message.size() <= kMaxMessageBytes,
            "messages are short");
    Require(Quotable(message).size() >= std::min<size_t>(message.size(), 120),
            "messages can be printed");
  }
}

void CheckFormat(std::string_view text, const ManifestOptions& options) {
  const ManifestHead head = {std::string(text.substr(0, 65536)), "a", "a"};
  const auto format = RecognizeManifest(head, options);
  if (!format) return;
  Require(FindInvalidUtf8(*format) == std::string::npos && !format->empty() &&
              format->find('\n') == std::string::npos,
          "what is said of a format is one line");
}

// The fast parser must make the same calls as the complete one.
// ParseManifestLine must give the same result with either. It is made to use
// the complete one by a field with an array, which only adds a dropped field.
void CheckFastParser(std::string_view line, const ManifestOptions& options) {
  if (FindInvalidUtf8(line) != line.npos) return;
  JsonRecorder fast;
  if (!FlatJsonScanner(line).Scan(&fast)) return;
  JsonRecorder complete;
  Require(Json::sax_parse(line.begin(), line.end(), &complete),
          "what the fast parser reads is JSON");
  Require(fast.events() == complete.events(), "both parsers read the same");

  const std::string_view key = "\x7F new";
  const auto& events = fast.events();
  const bool has_key = std::find(events.begin(), events.end(),
                                 "key " + std::string(key)) != events.end();
  if (has_key) return;
  std::string nested(line);
  nested.insert(nested.find('{') + 1, "\"" + std::string(key) + "\":[],");
  auto by_complete = ParseManifestLine(nested, options);
  if (by_complete.ok()) --by_complete.value().num_dropped_fields;
  Require(Same(ParseManifestLine(line, options), by_complete),
          "a line means the same to both parsers");
}

}  // namespace
}  // namespace melmill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace melmill;
  static const ManifestOptions kUsual;
  static const ManifestOptions kOther = {.require_text = false,
                                         .strict_text = true,
                                         .kept_fields = {"n", "meta", "text"},
                                         .segments = SegmentUse::kAll};
  static const ManifestOptions kForeign = {
      .fields = {.audio = "audio_filepath",
                 .text = "n",
                 .language = "English",
                 .language_field = "lang"},
      .kept_fields = {"offset", "audio_filepath"},
      .segments = SegmentUse::kNone};
  const InputLimits limits;
  const std::string_view text = AsText(data, size);
  const std::vector<std::string> lines = SplitLines(text);
  CheckLineReader(text, lines);
  CheckFormat(text, kUsual);
  CheckFormat(text, kForeign);
  for (const std::string& line : lines) {
    for (const ManifestOptions* options : {&kUsual, &kOther, &kForeign}) {
      CheckLine(line, *options);
      CheckFastParser(line, *options);
    }
  }
  return 0;
}
