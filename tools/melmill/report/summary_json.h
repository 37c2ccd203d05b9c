#ifndef MELMILL_TOOLS_MELMILL_REPORT_SUMMARY_JSON_H_
#define MELMILL_TOOLS_MELMILL_REPORT_SUMMARY_JSON_H_

#include <string>

#include "pipeline/run/run.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// What a run tells a program at its end: one JSON object on one line each.

// `out`: the store's folder, empty for validate.
std::string FormatJsonReport(const RunReport& report, const std::string& out,
                             int exit_code);

// Of a run that could not start.
std::string FormatJsonSetupError(const std::string& message);

// Of a machine fault that leaves no report, and of one in a run.
std::string FormatJsonFault(const std::string& message);
std::string FormatJsonFault(const std::string& message,
                            const RunControl& control);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_REPORT_SUMMARY_JSON_H_
