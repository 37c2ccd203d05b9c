#ifndef MELMILL_TOOLS_MELMILL_EXIT_CODE_H_
#define MELMILL_TOOLS_MELMILL_EXIT_CODE_H_

#include "pipeline/run/run.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// What melmill's commands return; docs/format.md and --help name them too.
enum ExitCode : int {
  kExitOk = 0,
  kExitDamaged = 1,   // verify found damage, bench a wrong result
  kExitUsage = 2,     // wrong usage, configuration, manifest or folder
  kExitRejects = 3,   // finished, but more lines rejected than allowed
  kExitMachine = 4,   // a fault of the machine; run again to resume
  kExitSignal = 128,  // plus the number of the signal; run again to resume
};

// What the process returns for this report.
int ExitCodeOf(const RunReport& report, const RunConfig& config,
               const RunControl& control);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_EXIT_CODE_H_
