#include "pipeline/plan/tally.h"

#include <cassert>

namespace melmill {

std::string_view WarningName(Warning warning) {
  switch (warning) {
    case Warning::kNoTemplate:
      return "no_template";
    case Warning::kDoubledTemplate:
      return "doubled_template";
    case Warning::kNeedlessTemplate:
      return "needless_template";
    case Warning::kUnknownLanguage:
      return "unknown_language";
    case Warning::kSegment:
      return "segment";
    case Warning::kClippedSegment:
      return "clipped_segment";
    case Warning::kOtherDuration:
      return "other_duration";
    case Warning::kMixedChannels:
      return "mixed_channels";
    case Warning::kRepeatedAudio:
      return "repeated_audio";
    case Warning::kLeak:
      return "leak";
    case Warning::kCopiedAudio:
      return "copied_audio";
    case Warning::kCopyLeak:
      return "copy_leak";
    case Warning::kNoDataSize:
      return "no_data_size";
    case Warning::kFileSizeAsDataSize:
      return "file_size_as_data_size";
    case Warning::kBytesBehindData:
      return "bytes_behind_data";
    case Warning::kCutBehindData:
      return "cut_behind_data";
    case Warning::kNoFrameCount:
      return "no_frame_count";
  }
  return "";
}

std::optional<Warning> WarningOf(SoundOddity oddity) {
  switch (oddity) {
    case SoundOddity::kNone:
      return std::nullopt;
    case SoundOddity::kNoDataSize:
      return Warning::kNoDataSize;
    case SoundOddity::kFileSizeAsDataSize:
      return Warning::kFileSizeAsDataSize;
    case SoundOddity::kBytesBehindData:
      return Warning::kBytesBehindData;
    case SoundOddity::kCutBehindData:
      return Warning::kCutBehindData;
    case SoundOddity::kNoFrameCount:
      return Warning::kNoFrameCount;
  }
  assert(false);
  return std::nullopt;
}

std::optional<Warning> FindWarning(std::string_view name) {
  for (int i = 0;; ++i) {
    const auto warning = static_cast<Warning>(i);
    if (WarningName(warning).empty()) return std::nullopt;
    if (WarningName(warning) == name) return warning;
  }
}

void CountRow(const std::string& language, uint64_t num_samples,
              LanguageCounts* counts) {
  constexpr size_t kMaxLanguages = 1000;
  const bool is_other =
      counts->size() >= kMaxLanguages && !counts->contains(language);
  LanguageCount& count = (*counts)[is_other ? "(others)" : language];
  ++count.num_rows;
  count.num_samples += num_samples;
}

}  // namespace melmill
