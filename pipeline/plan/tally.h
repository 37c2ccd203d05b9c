#ifndef MELMILL_PIPELINE_PLAN_TALLY_H_
#define MELMILL_PIPELINE_PLAN_TALLY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/sound/sound_header.h"

namespace melmill {

// A count, with the places where the thing was seen first.
struct Tally {
  static constexpr size_t kMaxExamples = 3;

  struct Example {
    std::string split;
    uint64_t line = 0;
    std::string audio;
    std::string message;
    std::string audio_path = {};  // PlanRow::audio_path, if it is of interest
  };

  uint64_t count = 0;
  std::vector<Example> examples;

  void Add(const Example& example) {
    ++count;
    if (examples.size() < kMaxExamples) examples.push_back(example);
  }
};

// A reason for a warning that rejects no line.
enum class Warning {
  kNoTemplate,        // a text without "language {Name}<asr_text>"
  kDoubledTemplate,   // a text that has it twice
  kNeedlessTemplate,  // a text that has it, for a model without it
  kUnknownLanguage,   // a {Name} outside the model's own list
  kSegment,           // a part of a file is named, and the whole one is used
  kClippedSegment,    // a segment ends after its file, and is cut there
  kOtherDuration,     // a duration that cuts nothing, and is not the file's
  kMixedChannels,     // a channel is named, and the mean of all is used
  kRepeatedAudio,     // a file that its split already has
  kLeak,              // a file that another split also has
  kCopiedAudio,       // a file with the samples of another one
  kCopyLeak,          // the same, if the other one is in another split
  // These are about the files of planned rows, by SoundOddity.
  kNoDataSize,
  kFileSizeAsDataSize,
  kBytesBehindData,
  kCutBehindData,
  kNoFrameCount,
};

// The warning of an odd file; nothing if it is not odd.
std::optional<Warning> WarningOf(SoundOddity oddity);

// The name in JSON: "no_template" and so on.
std::string_view WarningName(Warning warning);
// Returns nothing for any other name.
std::optional<Warning> FindWarning(std::string_view name);

struct LanguageCount {
  uint64_t num_rows = 0;
  uint64_t num_samples = 0;  // at the feature sample rate
};

// Rows by language, "" for none. A hostile manifest may name a new language on
// every line: from 1,000 on, further ones count as "(others)".
using LanguageCounts = std::map<std::string, LanguageCount>;

void CountRow(const std::string& language, uint64_t num_samples,
              LanguageCounts* counts);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_TALLY_H_
