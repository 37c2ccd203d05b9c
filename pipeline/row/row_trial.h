#ifndef MELMILL_PIPELINE_ROW_ROW_TRIAL_H_
#define MELMILL_PIPELINE_ROW_ROW_TRIAL_H_

#include <optional>

#include "io/result.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_task.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// Computes a row alone in a process of its own, where it may crash or hang, and
// drops the features. No other thread may work on rows meanwhile. Returns
// nothing if the process ended normally (whether or not the row was good),
// otherwise the signal that killed it, or 0 for a hang. Error: kMachineFault if
// no process can be made, if it was killed from outside or ran out of memory,
// or once control.stop_requested().
Result<std::optional<int>> TryRowAlone(const RowTask& task,
                                       const RowComputer& processor,
                                       double hang_seconds,
                                       const RunControl& control);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_ROW_TRIAL_H_
