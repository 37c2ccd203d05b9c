#ifndef MELMILL_PIPELINE_PLAN_PLAN_BUILDER_H_
#define MELMILL_PIPELINE_PLAN_PLAN_BUILDER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "io/result.h"
#include "pipeline/lines/plan_chunks.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/plan/planned_files.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"
#include "store/plan/plan.h"

namespace melmill {

struct BuiltPlan {
  Plan plan;
  PlanReport report;
  std::unique_ptr<PlannedFiles> files;  // files of the planned rows
  uint64_t num_known_lines = 0;         // from chunks
};

// Reads the manifests and every file's header. `spool_folder` is where a
// nameless temporary file may go. Throws SetupError if a manifest cannot be
// read or has no lines. Error: kMachineFault, also (with any message) once
// control->stop_requested(). `chunks`, if not null, has what earlier runs read,
// and keeps what this one reads. The plan is the same with and without, but
// for the facts of files, which chunks do not have.
Result<BuiltPlan> BuildPlan(const RunConfig& config,
                            const std::string& spool_folder,
                            RunControl* control,
                            const PlanChunks* chunks = nullptr);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_PLAN_BUILDER_H_
