#ifndef MELMILL_PIPELINE_PLAN_SPEED_ESTIMATE_H_
#define MELMILL_PIPELINE_PLAN_SPEED_ESTIMATE_H_

#include "io/sound/sound_header.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/setup/feature_spec.h"

namespace melmill {

// About how many seconds a processor takes to decode a file of coded sound: by
// its format alone, as measured on one machine. 0 for plain samples, which take
// next to nothing.
double DecodeSeconds(const SoundHeader& header);

// About how many seconds it takes to decode, resample and transform all planned
// rows on this machine, if the disk keeps up. Tries it on some seconds of
// noise, which takes a fifth of a second at most, and supposes that clips of
// all sample rates are equally long.
double EstimateSeconds(const FeatureSpec& features, const PlanReport& plan,
                       int num_threads);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_SPEED_ESTIMATE_H_
