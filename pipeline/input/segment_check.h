#ifndef MELMILL_PIPELINE_INPUT_SEGMENT_CHECK_H_
#define MELMILL_PIPELINE_INPUT_SEGMENT_CHECK_H_

#include "io/manifest/piece_fields.h"
#include "pipeline/plan/plan_report.h"

namespace melmill {

// Throws SetupError if lines name a part of their file in fields that nothing
// is cut by with this use. Each of these lines would be stored with the wrong
// audio.
void CheckNoSegments(const PlanReport& report, SegmentUse use);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_INPUT_SEGMENT_CHECK_H_
