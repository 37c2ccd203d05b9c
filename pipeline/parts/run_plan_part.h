#ifndef MELMILL_PIPELINE_PARTS_RUN_PLAN_PART_H_
#define MELMILL_PIPELINE_PARTS_RUN_PLAN_PART_H_

#include "pipeline/lines/part_number.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// Plans the lines of every Nth chunk of the manifests, and keeps them for
// RunPlan. Any machine may do any part, in any order, any number of times.
// Throws SetupError before anything is written.
RunReport RunPlanPart(const RunConfig& config, PartNumber part,
                      RunControl* control);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PARTS_RUN_PLAN_PART_H_
