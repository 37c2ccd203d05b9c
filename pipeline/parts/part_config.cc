#include "pipeline/parts/part_config.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "io/hash.h"
#include "pipeline/folder/machine.h"
#include "pipeline/folder/stored_features.h"
#include "pipeline/run/canary.h"
#include "pipeline/setup/setup_error.h"
#include "store/damage.h"
#include "store/plan/plan_file.h"
#include "store/store_folder.h"
#include "store/store_index.h"

namespace melmill {
namespace {

constexpr char kPlanFirst[] = "run melmill plan first";

// Throws for a file that is missing, damaged or cannot be read.
[[noreturn]] void Refuse(const std::string& folder, const char* file,
                         const Error& error) {
  if (error.code == ErrorCode::kMachineFault) {
    throw std::runtime_error(Unreadable(file, error).message);
  }
  if (!FileExists(folder)) {
    throw SetupError(fmt::format("--out {}: there is no such folder; {}",
                                 folder, kPlanFirst));
  }
  if (error.code == RejectCode::kNotFound) {
    throw SetupError(fmt::format("{} has no {}; {}", folder, file, kPlanFirst));
  }
  throw SetupError(
      fmt::format("{}/{}: {}; {}", folder, file, error.message, kPlanFirst));
}

}  // namespace

Plan ReadPlanOfFolder(const std::string& folder) {
  Result<Plan> plan = ReadPlanFile(folder + '/' + kPlanFile);
  if (!plan.ok()) Refuse(folder, kPlanFile, plan.error());
  return std::move(plan).value();
}

Job ReadJobOfPlan(const std::string& folder, const Plan& plan) {
  Result<Job> job = ReadJob(folder);
  if (!job.ok()) Refuse(folder, kJobFile, job.error());
  if (job.value().plan != ToHex(plan.fingerprint)) {
    throw SetupError(fmt::format("{}/{} is of another plan; {}", folder,
                                 kJobFile, kPlanFirst));
  }
  return std::move(job).value();
}

bool IsComplete(const std::string& folder, const Plan& plan) {
  const Result<StoreIndex> index = ReadStoreIndex(folder);
  if (index.ok()) return index.value().plan == ToHex(plan.fingerprint);
  if (index.error().code == RejectCode::kNotFound) return false;
  Refuse(folder, kStoreIndexFile, index.error());
}

void CheckCanary(const Job& job, const FeatureSpec& features) {
  const auto own = ComputeCanary(features);
  for (const auto& [rate_hz, hash] : job.canary) {
    const auto found = own.find(rate_hz);
    if (found != own.end() && found->second == hash) continue;
    throw SetupError(fmt::format(
        "this machine ({}) computes other features from {} Hz audio than the "
        "one that planned ({}): its processor, its memory or a library is not "
        "the same; make this part on another machine",
        ThisMachine().host, rate_hz, job.machine.host));
  }
}

RunConfig MakePartConfig(const PartSettings& settings) {
  CheckResources(settings.resources);
  const std::string& folder = settings.folder;
  (void)ReadPlanOfFolder(folder);  // a lock makes a file
  // While another process plans, the job may be missing.
  const Result<FileLock> lock = LockStore(folder, LockKind::kShared);
  if (!lock.ok()) throw std::runtime_error(lock.error().message);
  const Plan plan = ReadPlanOfFolder(folder);
  RunConfig config;
  config.store.folder = folder;
  config.store.shard_bytes = plan.shard_target_bytes;
  config.input.kept_fields = plan.kept_fields;
  config.input.segments = plan.segments.value_or(SegmentUse::kExplicit);
  config.features =
      FeaturesOfStore(folder, plan.contract, plan.producer, settings.simd);
  config.resources = settings.resources;
  config.input.audio_root = settings.audio_root;
  if (IsComplete(folder, plan)) return config;
  const Job job = ReadJobOfPlan(folder, plan);
  config.max_rejects = job.max_rejects;
  for (const SplitReport& split : job.report.splits) {
    config.input.splits.push_back(
        {.name = split.name, .manifest = split.manifest, .shown = split.shown});
  }
  if (settings.audio_root.empty()) {
    config.input.audio_root = job.origin.audio_folder();
  }
  return config;
}

}  // namespace melmill
