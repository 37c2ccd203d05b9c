#ifndef MELMILL_TOOLS_MELMILL_REPORT_SUMMARY_JSON_H_
#define MELMILL_TOOLS_MELMILL_REPORT_SUMMARY_JSON_H_

#include <string>
#include <vector>

#include "pipeline/folder/doubts_file.h"
#include "pipeline/run/run.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// What a run tells programs at its end. Each function returns one JSON object
// on one line. `out` is the store's folder, empty for validate.

// `out`: the store's folder, empty for validate.
std::string FormatJsonReport(const RunReport& report, const std::string& out,
                             int exit_code);

// The object of a run that could not start.
std::string FormatJsonSetupError(const std::string& message);

// The objects of a machine fault that leaves no report, and of one during a
// run.
std::string FormatJsonFault(const std::string& message);
std::string FormatJsonFault(const std::string& message,
                            const RunControl& control);

// An array of rows that parts could not read, without a line end.
std::string FormatJsonDoubts(const std::vector<DoubtfulRow>& doubts);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_SUMMARY_JSON_H_
