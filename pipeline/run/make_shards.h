#ifndef MELMILL_PIPELINE_RUN_MAKE_SHARDS_H_
#define MELMILL_PIPELINE_RUN_MAKE_SHARDS_H_

#include <cstddef>
#include <functional>
#include <vector>

#include "pipeline/extract/extract.h"
#include "pipeline/plan/planned_work.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"
#include "store/local_file.h"

namespace melmill {

// The shards that a run makes in its folder, config.store.folder. The fields
// without a default are those of ExtractJob and RunConfig.
struct ShardsToMake {
  PlannedWork work;
  const RowComputer& processor;
  const std::vector<size_t>& shards;
  const RunConfig& config;
  RunControl* control;
  LocalFile* local = nullptr;                              // as in ExtractJob
  std::function<bool(const Doubt&)> may_reject = nullptr;  // likewise
};

// Tries rows that ended an earlier process, each alone, and then extracts under
// a RowWatch. Tells `report` what was made, and adds a note for each tried row.
// After a stop that came before the extraction, the outcome is empty.
ExtractOutcome MakeShards(const ShardsToMake& job, RunReport* report);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_MAKE_SHARDS_H_
