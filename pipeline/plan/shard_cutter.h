#ifndef MELMILL_PIPELINE_PLAN_SHARD_CUTTER_H_
#define MELMILL_PIPELINE_PLAN_SHARD_CUTTER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"
#include "store/plan/plan.h"
#include "store/table/table.h"

namespace melmill {

// What all shards of a store have in common. It is part of every fingerprint.
struct ShardShape {
  std::string contract;
  std::string producer;
  uint64_t bytes_per_frame = 0;
};

// Decides where shards end. Once a shard holds half the target, it ends before
// the first row with XXH3-64(audio string) / 2^64 < row bytes / (target / 2),
// and before the row that would take it over 1.5 times the target. So a cut
// depends only on the rows around it, and a line that is added or removed moves
// only the nearest cut.
class ShardCutter {
 public:
  explicit ShardCutter(uint64_t target_bytes) : target_bytes_(target_bytes) {}

  // Whether a new shard starts with this row, the next one of its split.
  bool StartsShard(std::string_view audio, uint64_t row_bytes);

  // Says that the next row is the first of a split.
  void StartSplit() { held_bytes_ = 0; }

 private:
  uint64_t target_bytes_;
  uint64_t held_bytes_ = 0;  // bytes of the current shard; 0 if none
};

// The default target for splits of these feature bytes: kDefaultShardBytes,
// doubled until no split needs more than 4,096 shards, but at most 2 GiB.
uint64_t ChooseShardBytes(const std::vector<uint64_t>& split_bytes);

// Cuts a plan's rows (ordered by split, then line) into shards.
Result<std::vector<PlannedShard>> LayOutShards(const TableReader& rows,
                                               const ShardShape& shape,
                                               uint64_t target_bytes);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_SHARD_CUTTER_H_
