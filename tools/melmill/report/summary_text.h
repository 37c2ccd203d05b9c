#ifndef MELMILL_TOOLS_MELMILL_REPORT_SUMMARY_TEXT_H_
#define MELMILL_TOOLS_MELMILL_REPORT_SUMMARY_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/run/run.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_config.h"

namespace melmill {

// What a run tells people at its end. `config` is the run's.

// What the rest of the run warns of: notes, damaged files, and what only the
// extraction finds; for standard error.
std::string FormatWarnings(const RunReport& report);

// The result: rejected lines by cause, what was stored or can be, and last what
// to do next. Empty for a run that ended early.
std::string FormatSummary(const RunReport& report, const RunConfig& config);

// Why the exit code is not 0, and what to do: "error: ...". Empty if it is 0.
std::string FormatProblem(const RunReport& report, const RunConfig& config);

// The last line of a run that ended early: "2 of 4 shards kept; run the same
// command to resume." `how` is a remark about that command.
std::string FormatKept(uint64_t num_kept, uint64_t num_shards,
                       std::string_view how = "");

// Describes damage as "FILE: what is wrong with it", with the row's line and
// audio if a row is damaged.
std::string DescribeDamage(const Damage& damage);

// What the run will do: "2,731 of 2,731 lines, 2.12 h; ...".
std::string FormatNotice(const PlanNotice& notice);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_SUMMARY_TEXT_H_
