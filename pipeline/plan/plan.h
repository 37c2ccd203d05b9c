#ifndef MELMILL_PIPELINE_PLAN_PLAN_H_
#define MELMILL_PIPELINE_PLAN_PLAN_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/hash.h"
#include "io/result.h"
#include "pipeline/plan/layout.h"
#include "pipeline/plan/planned_files.h"
#include "pipeline/plan/tally.h"
#include "pipeline/setup/run_config.h"
#include "store/shard/shard.h"
#include "store/table/table.h"

namespace melmill {

struct SplitPlan {
  std::string name;
  std::string manifest;
  Hash128 manifest_hash = {};
  uint64_t num_lines = 0;  // not blank
  uint64_t num_blank_lines = 0;
  uint64_t num_rejected = 0;
  uint64_t num_samples = 0;  // of the planned rows, at the feature rate
  uint64_t num_frames = 0;
  uint64_t num_dropped_fields = 0;
  std::map<std::string, LanguageCount> languages;  // "" without a template
  std::map<int, uint64_t> rows_by_rate;            // Hz -> planned rows
};

// Every line of every manifest with its fate, and where each planned row will
// be. A pure function of manifests, configuration and the files' sizes and
// headers.
struct Plan {
  RunConfig config;
  std::string contract;
  std::string producer;
  std::vector<SplitPlan> splits;
  std::unique_ptr<TableReader> rows;    // PlanColumns, by split and line
  std::unique_ptr<PlannedFiles> files;  // of a plan made by BuildPlan
  uint64_t shard_target_bytes = 0;
  std::vector<PlannedShard> shards;
  Hash128 fingerprint = {};  // of everything the store will hold
  std::map<ErrorCode, Tally> rejects;
  std::map<Warning, Tally> warnings;

  const Preset& preset() const { return *config.features.preset; }
  uint64_t num_lines() const;
  uint64_t num_rejected() const;
  uint64_t num_samples() const;
  ShardSpec MakeShardSpec(const PlannedShard& shard) const;
  // Whether a shard file's own attributes and sizes are this shard's.
  bool IsShard(const PlannedShard& shard, const ShardSpec& spec) const;
  std::string ShardFileName(const PlannedShard& shard) const {
    return shard.FileName(splits[shard.split].name);
  }
  uint64_t bytes_per_frame() const;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_PLAN_H_
