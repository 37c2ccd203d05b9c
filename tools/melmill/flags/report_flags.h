#ifndef MELMILL_TOOLS_MELMILL_FLAGS_REPORT_FLAGS_H_
#define MELMILL_TOOLS_MELMILL_FLAGS_REPORT_FLAGS_H_

#include <CLI/CLI.hpp>

namespace melmill {

// What a run that makes a store tells; see RunCommand.
struct ReportFlags {
  bool json = false;
  bool quiet = false;
};

// Adds --json and --quiet.
void AddReportFlags(CLI::App* command, ReportFlags* flags);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_FLAGS_REPORT_FLAGS_H_
