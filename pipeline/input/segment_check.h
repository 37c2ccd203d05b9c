#ifndef MELMILL_PIPELINE_INPUT_SEGMENT_CHECK_H_
#define MELMILL_PIPELINE_INPUT_SEGMENT_CHECK_H_

#include "pipeline/plan/plan_report.h"

namespace melmill {

// Throws SetupError if lines name a part of their file. Rows are whole files,
// so each of these lines would be stored with the wrong audio.
void CheckNoSegments(const PlanReport& report);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_INPUT_SEGMENT_CHECK_H_
