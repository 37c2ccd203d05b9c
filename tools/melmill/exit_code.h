#ifndef MELMILL_TOOLS_MELMILL_EXIT_CODE_H_
#define MELMILL_TOOLS_MELMILL_EXIT_CODE_H_

#include "pipeline/run/run.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// The exit codes of melmill's commands. docs/format.md and --help list them,
// too.
enum ExitCode : int {
  kExitOk = 0,
  kExitDamaged = 1,   // verify found damage, bench a wrong result
  kExitUsage = 2,     // wrong usage, configuration, manifest or folder
  kExitRejects = 3,   // finished, but more lines rejected than allowed
  kExitMachine = 4,   // a fault of the machine; run again to resume
  kExitSignal = 128,  // plus the number of the signal; run again to resume
};

// Whether the run ended with kExitRejects: it was planned, and rejects more
// lines than --max-rejects allows.
bool HasTooManyRejects(const RunReport& report, const RunConfig& config);

// The exit code for this report.
int ExitCodeOf(const RunReport& report, const RunConfig& config,
               const RunControl& control);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_EXIT_CODE_H_
