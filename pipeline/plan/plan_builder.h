#ifndef MELMILL_PIPELINE_PLAN_PLAN_BUILDER_H_
#define MELMILL_PIPELINE_PLAN_PLAN_BUILDER_H_

#include <string>

#include "io/result.h"
#include "pipeline/plan/plan.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// Reads the manifests and every file's header. `spool_folder`: where a
// nameless temporary file may lie. Throws SetupError for a manifest that
// cannot be read or holds nothing. Errors: kMachineFault; also, with any
// message, once control->stop_requested().
Result<Plan> BuildPlan(const RunConfig& config, const std::string& spool_folder,
                       RunControl* control);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_PLAN_BUILDER_H_
