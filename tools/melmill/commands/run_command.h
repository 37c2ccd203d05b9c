#ifndef MELMILL_TOOLS_MELMILL_COMMANDS_RUN_COMMAND_H_
#define MELMILL_TOOLS_MELMILL_COMMANDS_RUN_COMMAND_H_

#include <functional>

#include "pipeline/run/run.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// What extract and validate have in common: one run, watched and reported.
struct RunCommand {
  std::function<RunConfig()> make_config;  // may throw SetupError
  RunReport (*run)(const RunConfig& config, RunControl* control) = nullptr;
  bool json = false;   // a JSON object on standard output, not a summary
  bool quiet = false;  // no progress, and no summary of what went well
};

// Runs with a progress line and signal handlers, and prints the report.
// Returns the exit code; throws SetupError (after the JSON object, if asked
// for). Once a process.
int RunAndReport(const RunCommand& command);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_COMMANDS_RUN_COMMAND_H_
