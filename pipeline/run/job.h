#ifndef MELMILL_PIPELINE_RUN_JOB_H_
#define MELMILL_PIPELINE_RUN_JOB_H_

#include "io/result.h"
#include "pipeline/folder/found_store.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/setup/run_config.h"
#include "store/plan/plan.h"

namespace melmill {

// Throws SetupError for a manifest that another process cannot read again: no
// regular file, or one without a name.
void CheckManifestsStay(const RunConfig& config);

// Writes the job.json of a plan that was made with this configuration, in place
// of the one that was found. The folder must be locked. Throws SetupError if
// that is of the same plan and of a machine that computes other bits. Error:
// kMachineFault.
Result<void> WriteJobFile(const RunConfig& config, const Plan& plan,
                          const PlanReport& report, const FoundStore& found);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_JOB_H_
