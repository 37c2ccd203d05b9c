#include "tools/melmill/exit_code.h"

#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

bool HasTooManyRejects(const RunReport& report, const RunConfig& config) {
  switch (report.status) {
    case RunStatus::kTooManyRejects:
      return true;
    case RunStatus::kPlanned:
    case RunStatus::kFinished:
    case RunStatus::kNothingToDo:
      return report.num_lines() &&
             !config.max_rejects.Allows(report.num_rejected,
                                        *report.num_lines());
    case RunStatus::kPlanWritten:
    case RunStatus::kPlanPartDone:
    case RunStatus::kPartDone:
    case RunStatus::kDoubtful:
    case RunStatus::kShardsMissing:
    case RunStatus::kNeedsUpdate:
    case RunStatus::kStopped:
    case RunStatus::kMachineFault:
      break;
  }
  return false;
}

int ExitCodeOf(const RunReport& report, const RunConfig& config,
               const RunControl& control) {
  switch (report.status) {
    case RunStatus::kStopped:
      return kExitSignal + control.stop_signal();
    case RunStatus::kMachineFault:
    case RunStatus::kDoubtful:
    case RunStatus::kShardsMissing:
      return kExitMachine;
    case RunStatus::kNeedsUpdate:
      return kExitUsage;
    case RunStatus::kTooManyRejects:
    case RunStatus::kPlanned:
    case RunStatus::kPlanWritten:
    case RunStatus::kPlanPartDone:
    case RunStatus::kPartDone:
    case RunStatus::kFinished:
    case RunStatus::kNothingToDo:
      break;
  }
  return HasTooManyRejects(report, config) ? kExitRejects : kExitOk;
}

}  // namespace melmill
