#include "pipeline/run/report_parts.h"

#include <sys/statvfs.h>

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

std::optional<uint64_t> FreeBytes(const std::string& folder) {
  struct statvfs space;
  if (statvfs(folder.c_str(), &space) != 0) return std::nullopt;
  return uint64_t{space.f_bavail} * space.f_frsize;
}

}  // namespace melmill
