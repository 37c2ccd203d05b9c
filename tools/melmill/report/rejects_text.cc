#include "tools/melmill/report/rejects_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "pipeline/setup/run_config.h"
#include "tools/melmill/report/quantities.h"
#include "tools/melmill/terminal/console.h"

namespace melmill {
namespace {

struct Group {
  RejectCode code = RejectCode::kNone;
  std::string_view cause;
  const Tally* tally = nullptr;

  std::string Name() const {
    std::string name(RejectCodeName(code));
    if (!cause.empty()) name += fmt::format(" ({})", cause);
    return name;
  }
};

std::vector<Group> GroupsByCount(const RejectTallies& rejects) {
  std::vector<Group> groups;
  for (const auto& [code, of_code] : rejects) {
    for (const auto& [cause, tally] : of_code.causes) {
      groups.push_back({code, cause, &tally});
    }
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const Group& a, const Group& b) {
                     return a.tally->count > b.tally->count;
                   });
  return groups;
}

// What to do about a whole group, if that is more than its message says.
std::string_view Advice(const Group& group) {
  if (group.code == RejectCode::kTooLong &&
      group.tally->examples[0].message.find("--max-duration") !=
          std::string::npos) {
    return "a larger --max-duration accepts them";
  }
  if (group.code != RejectCode::kNotFound) return "";
  if (group.cause == kUrlCause)
    return "melmill reads local files: melmill stage copies them";
  if (group.cause == kTildeCause) return "~ is not expanded: write it out";
  if (group.cause == kBackslashCause) {
    return "a backslash is part of a name here: write paths with slashes";
  }
  return "";
}

// The path that was tried, unless it is the audio string.
std::string DescribeTried(const Tally::Example& example,
                          const std::string& audio_root) {
  const std::string path = ResolveAudioPath(
      audio_root,
      example.audio_path.empty() ? example.audio : example.audio_path);
  if (path.empty() || example.audio.starts_with('/')) return "";
  std::error_code failed;
  const std::filesystem::path absolute =
      std::filesystem::absolute(path, failed);
  if (failed) return "";
  return fmt::format("tried {}",
                     Printable(absolute.lexically_normal().string()));
}

void AddExamples(const Group& group, const std::string& audio_root,
                 std::string* text) {
  for (const Tally::Example& example : group.tally->examples) {
    std::string detail = Printable(example.message);
    if (group.code == RejectCode::kNotFound) {
      detail = Advice(group).empty() ? DescribeTried(example, audio_root) : "";
    }
    *text += fmt::format("          {}{}{}\n", FormatPlace(example),
                         detail.empty() ? "" : ": ", detail);
  }
}

}  // namespace

std::string FormatRejects(const RejectTallies& rejects, uint64_t num_lines,
                          const std::string& audio_root) {
  const uint64_t num_rejected = SumCounts(rejects);
  if (num_rejected == 0) return "";
  std::string text = fmt::format(
      "rejected {} of {} ({}):\n", FormatCount(num_rejected),
      Counted(num_lines, "line"), FormatShare(num_rejected, num_lines));
  for (const Group& group : GroupsByCount(rejects)) {
    text += fmt::format("{:>9} {}\n", FormatCount(group.tally->count),
                        Printable(group.Name()));
    const std::string_view advice = Advice(group);
    if (!advice.empty()) text += fmt::format("          {}\n", advice);
    AddExamples(group, audio_root, &text);
  }
  return text;
}

std::string FormatLargestCauses(const RejectTallies& rejects) {
  const std::vector<Group> groups = GroupsByCount(rejects);
  const size_t num_named = groups.size() <= 4 ? groups.size() : 3;
  std::vector<std::string> causes;
  uint64_t num_others = 0;
  for (const Group& group : groups) {
    if (causes.size() < num_named) {
      causes.push_back(fmt::format("{} {}", FormatCount(group.tally->count),
                                   Printable(group.Name())));
    } else {
      num_others += group.tally->count;
    }
  }
  if (num_others > 0) causes.push_back(Counted(num_others, "other"));
  return fmt::format("{}", fmt::join(causes, ", "));
}

std::string FormatRejectedLine(const LedgerEntry& entry) {
  const Tally::Example place = {std::string(entry.split), entry.line,
                                std::string(entry.audio), ""};
  return fmt::format("{}: {}: {}\n", FormatPlace(place),
                     RejectCodeName(entry.code), Printable(entry.message));
}

std::string FormatPlace(const Tally::Example& example) {
  std::string text = fmt::format("{} line {}", example.split, example.line);
  if (!example.audio.empty()) text += ": " + Printable(example.audio);
  return text;
}

}  // namespace melmill
