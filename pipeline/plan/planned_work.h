#ifndef MELMILL_PIPELINE_PLAN_PLANNED_WORK_H_
#define MELMILL_PIPELINE_PLAN_PLANNED_WORK_H_

#include <cstdint>
#include <string>

#include "pipeline/setup/feature_spec.h"
#include "store/plan/plan.h"
#include "store/shard/shard.h"

namespace melmill {

// A plan with everything needed to compute its rows. All it refers to must
// outlive it.
struct PlannedWork {
  const Plan& plan;
  const FeatureSpec& features;    // those of plan.contract and plan.producer
  const std::string& audio_root;  // as in ManifestInput

  ShardSpec SpecOf(const PlannedShard& shard) const;
  // Whether a shard file with this spec is the planned shard.
  bool IsShard(const PlannedShard& shard, const ShardSpec& spec) const;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_PLANNED_WORK_H_
