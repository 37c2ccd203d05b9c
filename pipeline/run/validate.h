#ifndef MELMILL_PIPELINE_RUN_VALIDATE_H_
#define MELMILL_PIPELINE_RUN_VALIDATE_H_

#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"

namespace melmill {

// Runs the checks of RunExtract up to the plan. Writes nothing. Throws
// SetupError.
RunReport RunValidate(const RunConfig& config, RunControl* control);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_VALIDATE_H_
