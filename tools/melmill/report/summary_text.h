#ifndef MELMILL_TOOLS_MELMILL_REPORT_SUMMARY_TEXT_H_
#define MELMILL_TOOLS_MELMILL_REPORT_SUMMARY_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/run/run.h"
#include "pipeline/run/run_report.h"

namespace melmill {

// What a run tells people at its end: warnings, rejected lines by reason, what
// was stored, and on the last line what to do next. `out` is the store's
// folder, empty for validate.
std::string FormatSummary(const RunReport& report, const std::string& out);

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
