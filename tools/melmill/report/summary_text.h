#ifndef MELMILL_TOOLS_MELMILL_REPORT_SUMMARY_TEXT_H_
#define MELMILL_TOOLS_MELMILL_REPORT_SUMMARY_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/run/run.h"
#include "pipeline/run/run_report.h"

namespace melmill {

// What a run tells a person at its end: warnings, rejected lines by reason,
// what was stored, and, as the last line, what to do next. `out`: the store's
// folder, empty for validate.
std::string FormatSummary(const RunReport& report, const std::string& out);

// "2 of 4 shards kept; run the same command to resume.": the last line of a run
// that ended early. `how`: a remark about that command.
std::string FormatKept(uint64_t num_kept, uint64_t num_shards,
                       std::string_view how = "");

// "FILE: what is wrong with it", with the row's line and audio if it is one.
std::string DescribeDamage(const Damage& damage);

// What is about to be done: "2,731 of 2,731 lines, 2.12 h; ...".
std::string FormatNotice(const PlanNotice& notice);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_SUMMARY_TEXT_H_
