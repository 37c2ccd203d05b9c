#ifndef MELMILL_PIPELINE_PARTS_RUN_PART_H_
#define MELMILL_PIPELINE_PARTS_RUN_PART_H_

#include "pipeline/parts/part_choice.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// Makes the chosen shards of a planned store that are not there yet. `config`
// is that of MakePartConfig. Any number of processes may run at once, on any
// machines, with any choices: each shard gets the same bytes. Writes nothing
// but shards, suspects and doubts.
//
// A row that cannot be read here is not rejected: its shard is not made, and
// the status is kDoubtful. The report has no plan. Throws SetupError, also if
// this machine computes other bits than the one that planned.
RunReport RunPart(const RunConfig& config, const PartChoice& choice,
                  RunControl* control);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PARTS_RUN_PART_H_
