#include "pipeline/run/report_parts.h"

#include <string>

#include "pipeline/plan/tally.h"
#include "pipeline/run/run_report.h"
#include "store/shard/shard_writer.h"

namespace melmill {

uint64_t StoreBytes(const StoreIndex& store) {
  uint64_t sum = 0;
  for (const FileEntry& file : store.files()) sum += file.num_bytes;
  for (const ShardEntry& shard : store.shards) sum += shard.num_bytes;
  return sum;
}

uint64_t PlannedBytes(const PlannedWork& work) {
  uint64_t sum = 0;
  for (const PlannedShard& shard : work.plan.shards) {
    sum += EstimateShardBytes(work.SpecOf(shard));
  }
  return sum;
}

}  // namespace melmill
