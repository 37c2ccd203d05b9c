#ifndef MELMILL_PIPELINE_PARTS_RUN_FINISH_H_
#define MELMILL_PIPELINE_PARTS_RUN_FINISH_H_

#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// Completes a store whose shards parts have made. `config` is that of
// MakePartConfig. Reads every shard's index; opens audio only for the shards
// that parts left because of rows that they could not read. Makes these itself,
// and only now rejects such rows.
//
// Ends with kShardsMissing if parts have not made all other shards, or if a row
// needs another machine's word: see DoubtJudge. A damaged shard is removed and
// counts as missing. Of a store that was complete before, the report has the
// rejects, too. Throws SetupError, also while parts run.
RunReport RunFinish(const RunConfig& config, RunControl* control);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PARTS_RUN_FINISH_H_
