#ifndef MELMILL_PIPELINE_RUN_SUSPECTS_H_
#define MELMILL_PIPELINE_RUN_SUSPECTS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "io/result.h"
#include "pipeline/plan/planned_work.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_task.h"
#include "pipeline/row/row_watch.h"
#include "pipeline/row/suspects_file.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// The suspects that earlier processes left in a store's folder. Error:
// kMachineFault.
Result<Suspects> ReadAllSuspects(const std::string& folder);

// Tries each row of work.plan.shards[shards] that ended an earlier run, alone.
// If it is a segment of a coded file and ends its process again, all segments
// of that file are tried: those that need the same place of it would each end a
// run. Returns the rows that ended their process, and adds a line to `notes`
// for each row that ended an earlier run. Error: kMachineFault, also once
// control.stop_requested().
Result<Quarantine> TrySuspects(const Suspects& suspects,
                               const PlannedWork& work,
                               const std::vector<size_t>& shards,
                               const RowComputer& processor,
                               double hang_seconds, const RunControl& control,
                               std::vector<std::string>* notes);

// The watch over the rows of a plan that this process computes. A row that
// hangs ends the process, through control.EndProcess. `plan` and `control` must
// outlive the watch.
RowWatch::Options WatchOptions(const std::string& folder, const Plan& plan,
                               double hang_seconds, const RunControl& control);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_SUSPECTS_H_
