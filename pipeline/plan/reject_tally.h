#ifndef MELMILL_PIPELINE_PLAN_REJECT_TALLY_H_
#define MELMILL_PIPELINE_PLAN_REJECT_TALLY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "io/result.h"
#include "pipeline/plan/tally.h"

namespace melmill {

// Rejected lines of one code, also counted by cause.
struct RejectTally : Tally {
  static constexpr size_t kMaxCauses = 32;

  // Lines by cause: "FLAC", "a URL". Lines without a cause of their own count
  // as "". Once there are kMaxCauses, further ones count as "other".
  std::map<std::string, Tally> causes;

  void Add(const Example& example, const std::string& cause = "");
  void Add(const RejectTally& more);
};

using RejectTallies = std::map<RejectCode, RejectTally>;

// Causes of a missing file that its path tells, as the line has it.
inline constexpr std::string_view kUrlCause = "a URL";
inline constexpr std::string_view kTildeCause = "a path with ~";
inline constexpr std::string_view kBackslashCause = "a path with backslashes";

// Which of these it is; empty if none.
std::string_view CauseInPath(std::string_view written_path);

// Says in a few words what kind of line was rejected, more closely than the
// code does: the format of a file that is no WAV file, or why a path leads
// nowhere. Empty if the code says it all. `written_path` is that of the
// PlanRow, and `path` the path that it stands for. Looks for the folder of a
// missing file. Thread-safe.
std::string RejectCause(RejectCode code, const std::string& written_path,
                        const std::string& path, const std::string& message);

uint64_t SumCounts(const RejectTallies& rejects);
void AddRejects(const RejectTallies& more, RejectTallies* rejects);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_REJECT_TALLY_H_
