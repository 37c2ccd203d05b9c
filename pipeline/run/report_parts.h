#ifndef MELMILL_PIPELINE_RUN_REPORT_PARTS_H_
#define MELMILL_PIPELINE_RUN_REPORT_PARTS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/result.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/plan/planned_work.h"
#include "pipeline/run/finish.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_control.h"
#include "store/store_index.h"

namespace melmill {

// Parts of the reports of runs.

// The size of a complete store, and the approximate size of the shards of a
// planned one.
uint64_t StoreBytes(const StoreIndex& store);
uint64_t PlannedBytes(const PlannedWork& work);

// What a run that has planned tells its watcher, before it makes these shards.
// `folder` is on the store's disk.
PlanNotice MakeNotice(const RunReport& report, const PlannedWork& work,
                      const std::vector<size_t>& to_make,
                      const std::string& folder);

// Throws SetupError if the disk of the folder has less space.
void CheckDiskSpace(uint64_t num_bytes, const std::string& folder);

// Adds what a run that finished its store tells. Error: kMachineFault if its
// rows do not add up.
Result<void> AddFinishedStore(FinishedStore finished, RunReport* report);

// The free space on the disk of a folder; nothing if it is not known.
std::optional<uint64_t> FreeBytes(const std::string& folder);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_REPORT_PARTS_H_
