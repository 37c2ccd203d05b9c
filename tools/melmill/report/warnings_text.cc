#include "tools/melmill/report/warnings_text.h"

#include <fmt/format.h>

#include "pipeline/plan/tally.h"
#include "tools/melmill/report/quantities.h"
#include "tools/melmill/report/rejects_text.h"
#include "tools/melmill/terminal/console.h"

namespace melmill {
namespace {

std::string DescribeWarning(Warning warning, const Tally& tally) {
  switch (warning) {
    case Warning::kNoTemplate:
      return fmt::format(
          "{} without \"language {{Name}}<asr_text>{{transcript}}\" "
          "(--language NAME adds it, --strict-text rejects them)",
          Counted(tally.count, "text"));
    case Warning::kDoubledTemplate:
      return fmt::format(
          "{} with \"language {{Name}}<asr_text>\" twice: the second one is "
          "learned as words",
          Counted(tally.count, "text"));
    case Warning::kNeedlessTemplate:
      return fmt::format(
          "{} with \"language {{Name}}<asr_text>\", which this model learns as "
          "words",
          Counted(tally.count, "text"));
    case Warning::kUnknownLanguage:
      return fmt::format(
          "{} with a language that is not in the model's list, such as \"{}\"",
          Counted(tally.count, "text"), Printable(tally.examples[0].message));
    case Warning::kSegment:
      return fmt::format(
          "{} with a part of a file (offset, start, segment): WHOLE FILES ARE "
          "USED",
          Counted(tally.count, "line"));
    case Warning::kClippedSegment:
      return fmt::format(
          "{} up to 0.5 s after the end of the file: cut there",
          Counted(tally.count, "segment that ends", "segments that end"));
    case Warning::kOtherDuration:
      return fmt::format(
          "{} with a duration that is not the file's: it is not used, and the "
          "whole file is stored",
          Counted(tally.count, "line"));
    case Warning::kMixedChannels:
      return fmt::format(
          "{} with a channel of a file that has several: THE MEAN OF ALL "
          "CHANNELS IS USED",
          Counted(tally.count, "line"));
    case Warning::kRepeatedAudio:
      return fmt::format(
          "{} with the audio file of an earlier line: each is stored",
          Counted(tally.count, "line"));
    case Warning::kLeak:
      return fmt::format("LEAK: {} with audio that another split has too",
                         Counted(tally.count, "line"));
    case Warning::kCopiedAudio:
      return fmt::format(
          "{} with a copy of the audio of an earlier line: each is stored",
          Counted(tally.count, "line"));
    case Warning::kCopyLeak:
      return fmt::format(
          "LEAK: {} with a copy of an audio file that another split has",
          Counted(tally.count, "line"));
    case Warning::kNoDataSize:
      return fmt::format(
          "{} without a size: read to the end; missing audio cannot be noticed",
          Counted(tally.count, "file"));
    case Warning::kFileSizeAsDataSize:
      return fmt::format(
          "{} with the size of the file in place of the size of the samples: "
          "read to the end",
          Counted(tally.count, "file"));
    case Warning::kBytesBehindData:
      return fmt::format("{} with meaningless bytes after the samples: ignored",
                         Counted(tally.count, "file"));
    case Warning::kCutBehindData:
      return fmt::format(
          "{} cut off after the samples, in a chunk that is not needed: no "
          "audio is missing",
          Counted(tally.count, "file"));
    case Warning::kNoFrameCount:
      return fmt::format(
          "{} without a count of its frames: missing audio at the end cannot "
          "be noticed",
          Counted(tally.count, "MP3 file"));
  }
  return "";
}

// Whether the extraction finds it, and not the plan.
bool IsFoundLate(Warning warning) {
  return warning == Warning::kCopiedAudio || warning == Warning::kCopyLeak;
}

// What follows the place of an example.
std::string DescribeExample(Warning warning, const Tally::Example& example) {
  if (IsFoundLate(warning)) return " is a copy of " + example.message;
  if (warning == Warning::kOtherDuration) return ": " + example.message;
  return "";
}

void AddWarning(Warning warning, const Tally& tally, std::string* text) {
  *text += fmt::format("warning: {}\n", DescribeWarning(warning, tally));
  for (const Tally::Example& example : tally.examples) {
    *text += fmt::format("  {}{}\n", FormatPlace(example),
                         DescribeExample(warning, example));
  }
}

void AddDecodes(const DecodeCost& decodes, std::string* text) {
  if (!decodes.is_spread()) return;
  *text += fmt::format(
      "{} of coded audio would be decoded for {} of segments: the segments of "
      "{} are spread over several shards each; sort the manifest by audio and "
      "start to decode about {}\n",
      FormatDuration(decodes.decoded_s), FormatDuration(decodes.segment_s),
      Counted(decodes.num_files_decoded_again, "file"),
      FormatDuration(decodes.sorted_s));
}

void AddSkipped(const PlanReport& plan, std::string* text) {
  for (const SplitReport& split : plan.splits) {
    if (split.num_blank_lines > 0) {
      *text += fmt::format("{}: {} skipped\n", split.name,
                           Counted(split.num_blank_lines, "blank line"));
    }
    if (split.num_dropped_fields > 0) {
      *text += fmt::format(
          "{}: fields not stored: {}{}; {} (--keep FIELD stores one)\n",
          split.name, fmt::join(split.dropped_fields, ", "),
          split.drops_more_fields ? " and others" : "",
          Counted(split.num_dropped_fields, "value"));
    }
  }
}

}  // namespace

std::string FormatPlanWarnings(const PlanReport& plan) {
  std::string text;
  for (const auto& [warning, tally] : plan.warnings) {
    if (!IsFoundLate(warning)) AddWarning(warning, tally, &text);
  }
  AddDecodes(plan.segment_decodes, &text);
  AddSkipped(plan, &text);
  return text;
}

std::string FormatLateWarnings(const PlanReport& plan) {
  std::string text;
  for (const auto& [warning, tally] : plan.warnings) {
    if (IsFoundLate(warning)) AddWarning(warning, tally, &text);
  }
  return text;
}

}  // namespace melmill
