#include "pipeline/care/stored_run.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "io/hash.h"
#include "pipeline/folder/stored_features.h"
#include "pipeline/view/store_summary.h"
#include "store/damage.h"
#include "store/origin.h"
#include "store/plan/plan_file.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

bool HasShardsOf(const Plan& plan, const StoreIndex& index) {
  if (plan.shards.size() != index.shards.size()) return false;
  for (size_t i = 0; i < plan.shards.size(); ++i) {
    const PlannedShard& shard = plan.shards[i];
    const ShardEntry& entry = index.shards[i];
    if (plan.ShardFileName(shard) != entry.file ||
        ToHex(shard.fingerprint) != entry.fingerprint ||
        shard.num_rows != entry.num_rows ||
        shard.num_frames != entry.num_frames) {
      return false;
    }
  }
  return true;
}

}  // namespace

RunConfig ConfigOfStore(const std::string& folder, const StoreIndex& index,
                        const std::string& audio_root) {
  RunConfig config;
  config.features = FeaturesOfStore(folder, index.contract, index.producer);
  config.input.audio_root = audio_root;
  config.input.kept_fields = index.kept_fields;
  config.store.shard_bytes = index.shard_target_bytes;
  config.store.folder = folder;
  return config;
}

Result<Plan> PlanOfStore(const std::string& folder, const StoreIndex& index) {
  const Result<std::optional<Damage>> damage =
      CheckFile(folder, index.plan_file, /*read_all=*/true);
  if (!damage.ok()) return damage.error();
  if (damage.value()) {
    return Error{ErrorCode::kDamaged, damage.value()->what};
  }
  Result<Plan> stored = ReadPlanFile(folder + '/' + kPlanFile);
  if (!stored.ok()) return stored.error();
  if (ToHex(stored.value().fingerprint) != index.plan ||
      stored.value().contract != index.contract ||
      stored.value().producer != index.producer ||
      !HasShardsOf(stored.value(), index)) {
    return Error{ErrorCode::kDamaged, "is not the plan of store.json"};
  }
  return stored;
}

std::string HowToFindAudio(const std::string& folder,
                           const std::string& audio) {
  if (audio.starts_with('/')) return "the manifest has this absolute path";
  std::string text =
      "relative paths start from the working directory; --audio-root DIR "
      "changes that";
  const std::optional<Origin> origin = ReadOrigin(folder);
  if (!origin) return text;
  return text + fmt::format("; the store was made {} {}",
                            origin->audio_root.empty()
                                ? "in the working directory"
                                : "with --audio-root",
                            origin->audio_folder());
}

}  // namespace melmill
