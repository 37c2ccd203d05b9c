#include "pipeline/plan/shard_cutter.h"

#include <cmath>

#include "io/hash.h"
#include "pipeline/setup/run_config.h"
#include "store/plan/plan_row.h"

namespace melmill {
namespace {

constexpr uint64_t kMaxShardsOfSplit = 4096;
// A stopped process loses its shards in work, one for each thread.
constexpr uint64_t kMaxTargetBytes = uint64_t{2} << 30;

Hasher128 StartFingerprint(const ShardShape& shape) {
  Hasher128 hasher;
  hasher.UpdateSized(shape.contract);
  hasher.UpdateSized(shape.producer);
  return hasher;
}

}  // namespace

bool ShardCutter::StartsShard(std::string_view audio, uint64_t row_bytes) {
  const double half_target = static_cast<double>(target_bytes_) / 2;
  const double row = static_cast<double>(row_bytes);
  const double held = static_cast<double>(held_bytes_);
  bool starts = held_bytes_ == 0;
  if (!starts && held >= half_target) {
    // On average, rows of average size end a shard half a target later.
    const double draw = std::ldexp(static_cast<double>(Xxh3_64(audio)), -64);
    starts = draw < row / half_target || held + row > 3 * half_target;
  } else if (!starts) {
    starts = held + row > 3 * half_target;
  }
  held_bytes_ = starts ? row_bytes : held_bytes_ + row_bytes;
  return starts;
}

uint64_t ChooseShardBytes(const std::vector<uint64_t>& split_bytes) {
  uint64_t target = kDefaultShardBytes;
  for (const uint64_t num_bytes : split_bytes) {
    while (num_bytes / target >= kMaxShardsOfSplit &&
           target < kMaxTargetBytes) {
      target *= 2;
    }
  }
  return target;
}

Result<std::vector<PlannedShard>> LayOutShards(const TableReader& rows,
                                               const ShardShape& shape,
                                               uint64_t target_bytes) {
  std::vector<PlannedShard> shards;
  Hasher128 hasher;
  ShardCutter cutter(target_bytes);
  const auto finish_shard = [&] {
    if (!shards.empty()) shards.back().fingerprint = hasher.Digest();
  };
  const Result<void> visited = ForEachPlanRow(
      rows, 0, rows.num_rows(),
      [&](uint64_t number, const PlanRow& row) -> Result<void> {
        if (!row.is_planned()) return {};
        if (shards.empty() || shards.back().split != row.split) {
          cutter.StartSplit();
        }
        const uint64_t num_frames =
            static_cast<uint64_t>(row.source.num_frames);
        if (cutter.StartsShard(row.audio, num_frames * shape.bytes_per_frame)) {
          finish_shard();
          hasher = StartFingerprint(shape);
          shards.push_back({.split = row.split, .first_row = number});
        }
        PlannedShard& shard = shards.back();
        shard.end_row = number + 1;
        ++shard.num_rows;
        shard.num_frames += num_frames;
        HashRowSource(row, &hasher);
        return {};
      });
  if (!visited.ok()) return visited.error();
  finish_shard();
  return shards;
}

}  // namespace melmill
