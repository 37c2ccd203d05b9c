#ifndef MELMILL_PIPELINE_RUN_RUN_H_
#define MELMILL_PIPELINE_RUN_RUN_H_

#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// Makes a store from manifests: plans, extracts and finishes. Resumes where an
// earlier run stopped. Throws SetupError before anything is written.
RunReport RunExtract(const RunConfig& config, RunControl* control);

// Does only the first step: writes plan.h5 and job.json, with which RunPart
// makes shards and RunFinish the store. Throws SetupError also for a manifest
// that the finish could not read again.
RunReport RunPlan(const RunConfig& config, RunControl* control);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_RUN_H_
