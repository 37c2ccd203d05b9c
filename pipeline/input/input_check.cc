#include "pipeline/input/input_check.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "io/manifest/utf8.h"
#include "pipeline/plan/tally.h"
#include "pipeline/setup/setup_error.h"
#include "store/origin.h"
#include "store/plan/plan_row.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

uint64_t CountNotFound(const PlanReport& report) {
  const auto found = report.rejects.find(RejectCode::kNotFound);
  return found == report.rejects.end() ? 0 : found->second.count;
}

bool MostAreNotFound(const PlanReport& report, const RunConfig& config) {
  const uint64_t num_not_found = CountNotFound(report);
  if (num_not_found < 2 || num_not_found * 2 <= report.num_lines()) {
    return false;
  }
  return !config.max_rejects.Allows(report.num_rejected(), report.num_lines());
}

// How many of the first files that were not found lie below a folder.
struct Trial {
  size_t num_tried = 0;
  size_t num_found = 0;
};

// Looks for files that were not found in the folders of their manifests.
Result<std::map<std::string, Trial>> TryManifestFolders(
    const Plan& plan, const ManifestInput& input) {
  constexpr size_t kMaxTried = 100;
  size_t num_tried = 0;
  std::map<std::string, Trial> trials;
  const Result<void> visited = VisitPlanRows(
      *plan.rows, 0, plan.rows->num_rows(),
      [&](uint64_t, const PlanRow& row) -> Result<Visiting> {
        const SplitInput& split = input.splits[row.split];
        const std::string& path = row.written_path();
        if (row.code != RejectCode::kNotFound || path.starts_with('/') ||
            split.manifest != split.Shown()) {
          return Visiting::kGoOn;
        }
        const std::string folder = ParentFolder(split.manifest);
        Trial& trial = trials[folder];
        ++trial.num_tried;
        if (FileExists(ResolveAudioPath(folder, path))) ++trial.num_found;
        return ++num_tried < kMaxTried ? Visiting::kGoOn : Visiting::kEnough;
      });
  if (!visited.ok()) return visited.error();
  return trials;
}

// The --audio-root that finds most files, or "".
std::string BetterRoot(const std::map<std::string, Trial>& trials) {
  for (const auto& [folder, trial] : trials) {
    if (trial.num_found * 2 > trial.num_tried) return folder;
  }
  return "";
}

Result<std::string> Hint(const Plan& plan, const PlanReport& report,
                         const ManifestInput& input) {
  const Tally::Example& example =
      report.rejects.at(RejectCode::kNotFound).examples.front();
  const std::string& written =
      example.audio_path.empty() ? example.audio : example.audio_path;
  const std::string path = ResolveAudioPath(input.audio_root, written);
  std::string hint =
      fmt::format("\n  {} was looked for as {}", Quotable(written),
                  Printable(std::filesystem::absolute(path).string()));
  const std::string_view cause = CauseInPath(written);
  if (cause == kUrlCause) {
    return hint +
           "\n  melmill reads local files: melmill stage copies those of URLs "
           "here first";
  }
  if (cause == kTildeCause) {
    return hint + "\n  ~ is part of a name here: write the whole path";
  }
  if (cause == kBackslashCause) {
    hint +=
        "\n  a backslash is part of a name here: write Windows paths with "
        "slashes";
  }
  if (written.starts_with('/')) return hint;
  const auto trials = TryManifestFolders(plan, input);
  if (!trials.ok()) return trials.error();
  const std::string root = BetterRoot(trials.value());
  if (!root.empty()) {
    return hint + fmt::format("\n  but it lies below {}: --audio-root {}",
                              Printable(root), ShellLine({root}));
  }
  return hint + fmt::format(
                    "\n  relative paths start from {}; --audio-root FOLDER "
                    "changes that",
                    input.audio_root.empty() ? "the working directory"
                                             : Printable(input.audio_root));
}

std::string DescribeNoneUsable(const PlanReport& report) {
  const Tally::Example& example =
      report.rejects.begin()->second.examples.front();
  return fmt::format(
      "not one of {} lines can be stored; the first: {} line {}: {}",
      report.num_lines(), example.split, example.line,
      Printable(example.message));
}

}  // namespace

Result<void> CheckInput(const Plan& plan, const PlanReport& report,
                        const RunConfig& config) {
  const bool is_none_usable = report.num_rejected() == report.num_lines();
  const bool are_most_lost = MostAreNotFound(report, config);
  if (!is_none_usable && !are_most_lost) return {};
  std::string message =
      is_none_usable ? DescribeNoneUsable(report)
                     : fmt::format("{} of {} audio files were not found",
                                   CountNotFound(report), report.num_lines());
  if (CountNotFound(report) > 0) {
    const Result<std::string> hint = Hint(plan, report, config.input);
    if (!hint.ok()) return hint.error();
    message += hint.value();
  }
  if (!is_none_usable) {
    message += "\n  To store the others anyway: --max-rejects 100%";
  }
  throw SetupError(message);
}

}  // namespace melmill
