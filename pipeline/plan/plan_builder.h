#ifndef MELMILL_PIPELINE_PLAN_PLAN_BUILDER_H_
#define MELMILL_PIPELINE_PLAN_PLAN_BUILDER_H_

#include <memory>
#include <string>

#include "io/result.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/plan/planned_files.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"
#include "store/plan/plan.h"

namespace melmill {

struct BuiltPlan {
  Plan plan;
  PlanReport report;
  std::unique_ptr<PlannedFiles> files;  // of the planned rows
};

// Reads the manifests and every file's header. `spool_folder`: where a
// nameless temporary file may lie. Throws SetupError for a manifest that
// cannot be read or holds nothing. Errors: kMachineFault; also, with any
// message, once control->stop_requested().
Result<BuiltPlan> BuildPlan(const RunConfig& config,
                            const std::string& spool_folder,
                            RunControl* control);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_PLAN_BUILDER_H_
