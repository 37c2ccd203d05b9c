#ifndef MELMILL_PIPELINE_PLAN_PLANNED_WORK_H_
#define MELMILL_PIPELINE_PLAN_PLANNED_WORK_H_

#include <cstdint>
#include <string>

#include "pipeline/setup/feature_spec.h"
#include "store/plan/plan.h"
#include "store/shard/shard.h"

namespace melmill {

// A plan with what it takes to compute its rows. What it refers to must
// outlive it.
struct PlannedWork {
  const Plan& plan;
  const FeatureSpec& features;    // of plan.contract and plan.producer
  const std::string& audio_root;  // of ManifestInput

  ShardSpec SpecOf(const PlannedShard& shard) const;
  // Whether a shard file's own attributes and sizes are this shard's.
  bool IsShard(const PlannedShard& shard, const ShardSpec& spec) const;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_PLANNED_WORK_H_
