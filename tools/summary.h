#ifndef MELMILL_TOOLS_SUMMARY_H_
#define MELMILL_TOOLS_SUMMARY_H_

#include <string>

#include "pipeline/run.h"

namespace melmill {

// What a run tells a person at its end: warnings, rejected lines by reason,
// what was stored, and, as the last line, what to do next. `out`: the store's
// folder, empty for validate.
std::string FormatSummary(const RunReport& report, const std::string& out);

// The same for a program: one JSON object on one line.
std::string FormatJsonReport(const RunReport& report, const std::string& out,
                             int exit_code);

// What the process returns for this report.
int ExitCodeOf(const RunReport& report, const RunConfig& config,
               const RunControl& control);

// "1.23 GB", "456 MB", "789 kB"
std::string FormatBytes(uint64_t num_bytes);

}  // namespace melmill

#endif  // MELMILL_TOOLS_SUMMARY_H_
