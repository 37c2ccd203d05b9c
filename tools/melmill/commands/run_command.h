#ifndef MELMILL_TOOLS_MELMILL_COMMANDS_RUN_COMMAND_H_
#define MELMILL_TOOLS_MELMILL_COMMANDS_RUN_COMMAND_H_

#include <functional>

#include "pipeline/run/run.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// A run that makes a store or part of one, or plans it: watched and reported.
struct RunCommand {
  std::function<RunConfig()> make_config;  // may throw SetupError
  std::function<RunReport(const RunConfig& config, RunControl* control)> run;
  bool json = false;   // print a JSON object instead of a summary
  bool quiet = false;  // print no progress, and no summary of success
  bool list = false;   // print each rejected line
};

// Runs with a progress line and signal handlers, and prints the report. Returns
// the exit code. Throws SetupError. May be called once in a process.
int RunAndReport(const RunCommand& command);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_COMMANDS_RUN_COMMAND_H_
