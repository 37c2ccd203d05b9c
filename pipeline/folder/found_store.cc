#include "pipeline/folder/found_store.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "pipeline/setup/code_path.h"
#include "pipeline/setup/feature_spec.h"
#include "pipeline/setup/setup_error.h"
#include "store/plan/plan_file.h"

namespace melmill {
namespace {

void CheckIsFolder(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error) &&
      !std::filesystem::is_directory(path, error)) {
    throw SetupError(fmt::format("--out {} is not a folder", path));
  }
}

// A folder that is not a store yet may hold only what a killed run left.
void CheckHoldsNothingElse(const std::string& folder, const SeenFiles& files) {
  for (const auto& [name, identity] : files) {
    if (name == kLockFile || name == kLocalFile || name == kPlanFolder ||
        IsTemporaryFileName(name)) {
      continue;
    }
    throw SetupError(fmt::format(
        "--out {} is not empty and not a melmill store: it holds {}", folder,
        name));
  }
}

// The store's own files are replaced and removed, accepted manifests among
// them.
void CheckManifestsLieElsewhere(const RunConfig& config) {
  for (const SplitInput& split : config.input.splits) {
    std::error_code error;
    if (std::filesystem::equivalent(ParentFolder(split.manifest),
                                    config.store.folder, error)) {
      throw SetupError(fmt::format(
          "the manifest {} lies in the store's folder: copy it elsewhere",
          split.Shown()));
    }
  }
}

// The features of a run that resumes a store of this producer. If the run
// leaves the resampler open and can run the store's, it is the store's.
FeatureSpec FeaturesFor(const std::string& producer,
                        const FeatureSpec& features) {
  if (features.code.resampler) return features;
  const auto code = FindCodeChoice(producer, features.code);
  if (!code || code->simd != features.code.simd) return features;
  return MakeFeatureSpec(features.preset->name, features.feature_type, *code);
}

// How to resume a store that other code made.
std::string WayOn(const CodeChoice& own, const std::string& producer) {
  const std::optional<CodeChoice> other = FindCodeChoice(producer, own);
  if (!other) return "the version and the kind of machine it was made with";
  std::vector<std::string> flags;
  if (other->simd != own.simd) flags.push_back("--simd " + other->simd);
  if (own.resampler && other->resampler != own.resampler) {
    flags.push_back(
        fmt::format("--resampler {}", ResamplerKindName(*other->resampler)));
  }
  return fmt::format("the settings it was made with ({})",
                     fmt::join(flags, " "));
}

void CheckBelongs(const RunConfig& config, const FeatureSpec& features,
                  const std::string& contract, const std::string& producer,
                  uint64_t shard_bytes) {
  const std::string own_contract = features.Contract();
  if (contract != own_contract) {
    RefuseOther(fmt::format("{} was made with other settings; use another "
                            "--out, or the settings it was made with",
                            config.store.folder),
                contract, own_contract);
  }
  const std::string own_producer = features.Producer();
  if (producer != own_producer) {
    RefuseOther(
        fmt::format("{} was made with other code; use another --out, or {}",
                    config.store.folder, WayOn(features.code, producer)),
        producer, own_producer);
  }
  if (config.store.shard_bytes && *config.store.shard_bytes != shard_bytes) {
    throw SetupError(fmt::format(
        "{} has a shard size of {} bytes, which cannot change; leave out "
        "--shard-size",
        config.store.folder, shard_bytes));
  }
}

// The flag that gives this use of segment fields.
std::string FlagOf(SegmentUse use) {
  switch (use) {
    case SegmentUse::kExplicit:
      return "neither --segments nor --whole-files";
    case SegmentUse::kAll:
      return "--segments";
    case SegmentUse::kNone:
      return "--whole-files";
  }
  return "";
}

void CheckSegmentUse(const RunConfig& config, const Plan& plan) {
  if (!plan.segments || *plan.segments == config.input.segments) return;
  throw SetupError(
      fmt::format("{} was made with {}, and this run has {}; use another "
                  "--out, or the flags it was made with",
                  config.store.folder, FlagOf(*plan.segments),
                  FlagOf(config.input.segments)));
}

bool IsPlanOf(const Plan& plan, const StoreIndex& index) {
  return ToHex(plan.fingerprint) == index.plan &&
         plan.contract == index.contract && plan.producer == index.producer &&
         plan.shard_target_bytes == index.shard_target_bytes;
}

}  // namespace

Result<FoundStore> InspectFolder(const RunConfig& config) {
  CheckIsFolder(config.store.folder);
  CheckManifestsLieElsewhere(config);
  FoundStore found = {.features = config.features};
  // This comes first: everything read later is of these files, or the change
  // shows.
  Result<SeenFiles> files = SeeFiles(config.store.folder);
  if (!files.ok()) return files.error();
  found.files = std::move(files).value();
  Result<StoreIndex> index = ReadStoreIndex(config.store.folder);
  if (!index.ok() && index.error().code == ErrorCode::kMachineFault) {
    return index.error();
  }
  if (index.ok()) {
    found.index = std::move(index).value();
    found.features = FeaturesFor(found.index->producer, config.features);
    CheckBelongs(config, found.features, found.index->contract,
                 found.index->producer, found.index->shard_target_bytes);
  }
  // Plan and store.json depend only on the input. So either is rebuilt if it is
  // damaged, as long as the other one says that this is a store.
  Result<Plan> plan = ReadPlanFile(config.store.folder + '/' + kPlanFile);
  if (!plan.ok() && plan.error().code == ErrorCode::kMachineFault) {
    return Unreadable(kPlanFile, plan.error());
  }
  if (plan.ok() && !(found.index && !IsPlanOf(plan.value(), *found.index))) {
    found.plan = std::move(plan).value();
    found.features = FeaturesFor(found.plan->producer, config.features);
    CheckBelongs(config, found.features, found.plan->contract,
                 found.plan->producer, found.plan->shard_target_bytes);
    CheckSegmentUse(config, *found.plan);
  } else if (found.index) {
    found.damages.push_back({.file = kPlanFile,
                             .what = plan.ok() ? "is not the plan of store.json"
                                               : plan.error().message});
  }
  if (!index.ok() && index.error().code != RejectCode::kNotFound) {
    if (!found.plan || index.error().code != ErrorCode::kDamaged) {
      throw SetupError(fmt::format("{}/{}: {}", config.store.folder,
                                   kStoreIndexFile, index.error().message));
    }
    found.damages.push_back(
        {.file = kStoreIndexFile, .what = index.error().message});
  }
  if (found.is_empty()) CheckHoldsNothingElse(config.store.folder, found.files);
  return found;
}

}  // namespace melmill
