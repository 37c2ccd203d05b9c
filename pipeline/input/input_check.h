#ifndef MELMILL_PIPELINE_INPUT_INPUT_CHECK_H_
#define MELMILL_PIPELINE_INPUT_INPUT_CHECK_H_

#include "io/result.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/setup/run_config.h"
#include "store/plan/plan.h"

namespace melmill {

// Throws SetupError if no line is accepted, or if more than half of the files
// were not found and --max-rejects does not allow that: the paths start
// elsewhere. The message has the absolute path that was tried, and the
// --audio-root that finds the files if the manifest's folder does. Error:
// kMachineFault.
Result<void> CheckInput(const Plan& plan, const PlanReport& report,
                        const RunConfig& config);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_INPUT_INPUT_CHECK_H_
