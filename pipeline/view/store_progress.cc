#include "pipeline/view/store_progress.h"

#include <algorithm>
#include <set>
#include <utility>

#include "io/file/name_change.h"
#include "io/file/temporary_name.h"
#include "pipeline/parts/part_choice.h"
#include "store/shard/without_features.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

void Add(const PlannedShard& shard, StoreProgress::Count* count) {
  ++count->num_shards;
  count->num_rows += shard.num_rows;
  count->num_frames += shard.num_frames;
}

// Looks at one file of a shard in work, which may get its name meanwhile.
void AddTemporary(const std::string& path, StoreProgress* progress) {
  const auto identity = Identify(path);
  if (!identity.ok() || !identity.value()) return;
  ++progress->num_temporary;
  progress->temporary_bytes += identity.value()->num_bytes;
  progress->last_write_ns = std::max(progress->last_write_ns.value_or(0),
                                     identity.value()->modified_ns);
}

}  // namespace

Result<StoreProgress> FindProgress(const std::string& folder,
                                   const Plan& plan) {
  const Result<std::vector<std::string>> names = ListFolder(folder);
  if (!names.ok()) return names.error();
  const auto exists = [&names](const std::string& name) {
    return std::binary_search(names.value().begin(), names.value().end(), name);
  };
  StoreProgress progress;
  std::set<std::string> missing;
  for (const size_t i : DistinctShards(plan)) {
    const PlannedShard& shard = plan.shards[i];
    const std::string name = plan.ShardFileName(shard);
    Add(shard, &progress.planned);
    if (exists(name)) {
      Add(shard, &progress.made);
    } else {
      progress.missing.push_back(i);
      missing.insert(name);
    }
  }
  for (const std::string& name : names.value()) {
    if (IsShardFileName(FinalNameOf(name))) {
      AddTemporary(folder + '/' + name, &progress);
    }
  }
  Result<std::vector<DoubtfulRow>> doubts = ReadDoubts(folder);
  if (!doubts.ok()) return doubts.error();
  progress.doubts = std::move(doubts).value();
  std::erase_if(progress.doubts, [&missing](const DoubtfulRow& row) {
    return !missing.contains(row.shard);
  });
  Result<std::vector<DisputedShard>> disputes = ReadDisputes(folder);
  if (!disputes.ok()) return disputes.error();
  progress.disputes = std::move(disputes).value();
  progress.has_job = exists(kJobFile);
  return progress;
}

uint64_t CountWithoutFeatures(const std::string& folder, const Plan& plan,
                              const StoreProgress& progress) {
  const std::set<size_t> missing(progress.missing.begin(),
                                 progress.missing.end());
  uint64_t count = 0;
  for (const size_t i : DistinctShards(plan)) {
    if (missing.contains(i)) continue;
    const std::string name = plan.ShardFileName(plan.shards[i]);
    if (LacksFeatures(folder + '/' + name)) ++count;
  }
  return count;
}

}  // namespace melmill
