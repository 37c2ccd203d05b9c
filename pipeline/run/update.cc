#include "pipeline/run/update.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <utility>

#include "pipeline/extract/open_shard.h"
#include "pipeline/row/row_trial.h"
#include "pipeline/row/work_permit.h"
#include "pipeline/setup/code_path.h"
#include "pipeline/setup/setup_error.h"
#include "store/json_object.h"
#include "store/plan/plan_row.h"
#include "store/shard/shard_reader.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

void CheckIsFolder(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error) &&
      !std::filesystem::is_directory(path, error)) {
    throw SetupError(fmt::format("--out {} is not a folder", path));
  }
}

// A folder that is no store yet may hold what a killed run left, no more.
void CheckHoldsNothingElse(const std::string& folder, const SeenFiles& files) {
  for (const auto& [name, identity] : files) {
    if (name == kLockFile || name == kLocalFile || IsTemporaryFileName(name)) {
      continue;
    }
    throw SetupError(fmt::format(
        "--out {} is not empty and not a melmill store: it holds {}", folder,
        name));
  }
}

// The store's own files come and go, accepted manifests among them.
void CheckManifestsLieElsewhere(const RunConfig& config) {
  for (const SplitInput& split : config.input.splits) {
    std::error_code error;
    if (std::filesystem::equivalent(ParentFolder(split.manifest),
                                    config.store.folder, error)) {
      throw SetupError(fmt::format(
          "the manifest {} lies in the store's folder: copy it elsewhere",
          split.manifest));
    }
  }
}

[[noreturn]] void RefuseOther(const std::string& folder, const char* what,
                              const std::string& stored,
                              const std::string& wanted,
                              const std::string& way_on) {
  throw SetupError(fmt::format(
      "{} {}; use another --out, or {}:\n  {}", folder, what, way_on,
      fmt::join(DescribeDifference(stored, wanted), "\n  ")));
}

// How to resume a store that other code made.
std::string WayOn(const RunConfig& config, const std::string& producer) {
  const CodeChoice& own = config.features.code;
  const std::optional<CodeChoice> other = FindCodeChoice(producer, own);
  if (!other) return "the version and the kind of machine it was made with";
  std::vector<std::string> flags;
  if (other->simd != own.simd) flags.push_back("--simd " + other->simd);
  if (other->resampler != own.resampler) {
    flags.push_back(
        fmt::format("--resampler {}", ResamplerKindName(other->resampler)));
  }
  return fmt::format("the settings it was made with ({})",
                     fmt::join(flags, " "));
}

void CheckBelongs(const RunConfig& config, const std::string& contract,
                  const std::string& producer, uint64_t shard_bytes) {
  const std::string own_contract = config.features.Contract();
  if (contract != own_contract) {
    RefuseOther(config.store.folder, "was made with other settings", contract,
                own_contract, "the settings it was made with");
  }
  const std::string own_producer = config.features.Producer();
  if (producer != own_producer) {
    RefuseOther(config.store.folder, "was made with other code", producer,
                own_producer, WayOn(config, producer));
  }
  if (config.store.shard_bytes && *config.store.shard_bytes != shard_bytes) {
    throw SetupError(fmt::format(
        "{} has a shard size of {} bytes, which cannot change; leave out "
        "--shard-size",
        config.store.folder, shard_bytes));
  }
}

bool IsPlanOf(const StoredPlan& plan, const StoreIndex& index) {
  return plan.fingerprint == index.plan && plan.contract == index.contract &&
         plan.producer == index.producer &&
         plan.shard_target_bytes == index.shard_target_bytes;
}

// One line of a plan, wherever it stands.
struct LineHash {
  uint64_t audio = 0;    // of its split's name and audio string
  uint64_t content = 0;  // of all that is stored of it

  friend auto operator<=>(const LineHash&, const LineHash&) = default;
};

uint64_t First64(const Hash128& hash) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | hash[i];
  return value;
}

LineHash HashLine(const std::string& split, const PlanRow& row) {
  Hasher128 hasher;
  hasher.UpdateSized(split);
  hasher.UpdateSized(row.audio);
  LineHash hash;
  hash.audio = First64(hasher.Digest());
  HashRowContent(row, &hasher);
  hash.content = First64(hasher.Digest());
  return hash;
}

Result<std::vector<LineHash>> HashLines(
    const TableReader& rows, size_t num_kept_fields,
    const std::vector<std::string>& split_names) {
  std::vector<LineHash> hashes;
  hashes.reserve(static_cast<size_t>(rows.num_rows()));
  const Result<void> visited = ForEachPlanRow(
      rows, 0, rows.num_rows(), num_kept_fields,
      [&](uint64_t, const PlanRow& row) -> Result<void> {
        if (row.split >= split_names.size()) {
          return Error{ErrorCode::kMachineFault, "the stored plan is damaged"};
        }
        hashes.push_back(HashLine(split_names[row.split], row));
        return {};
      });
  if (!visited.ok()) return visited.error();
  std::sort(hashes.begin(), hashes.end());
  return hashes;
}

// Takes one audio string's lines out of each of two sorted lists and counts
// what became of them.
class LineMatcher {
 public:
  LineMatcher(const std::vector<LineHash>& old_lines,
              const std::vector<LineHash>& new_lines)
      : old_(old_lines), new_(new_lines) {}

  void Count(PlanChange* change) {
    while (old_at_ < old_.size() || new_at_ < new_.size()) {
      CountAudio(NextAudio(), change);
    }
  }

 private:
  uint64_t NextAudio() const {
    if (old_at_ == old_.size()) return new_[new_at_].audio;
    if (new_at_ == new_.size()) return old_[old_at_].audio;
    return std::min(old_[old_at_].audio, new_[new_at_].audio);
  }

  void CountAudio(uint64_t audio, PlanChange* change) {
    uint64_t only_old = 0;
    uint64_t only_new = 0;
    const auto has = [audio](const std::vector<LineHash>& lines, size_t at) {
      return at < lines.size() && lines[at].audio == audio;
    };
    while (has(old_, old_at_) || has(new_, new_at_)) {
      if (!has(new_, new_at_) ||
          (has(old_, old_at_) &&
           old_[old_at_].content < new_[new_at_].content)) {
        ++only_old;
        ++old_at_;
      } else if (!has(old_, old_at_) ||
                 new_[new_at_].content < old_[old_at_].content) {
        ++only_new;
        ++new_at_;
      } else {
        ++old_at_;
        ++new_at_;
      }
    }
    const uint64_t changed = std::min(only_old, only_new);
    change->num_changed += changed;
    change->num_gone += only_old - changed;
    change->num_added += only_new - changed;
  }

  const std::vector<LineHash>& old_;
  const std::vector<LineHash>& new_;
  size_t old_at_ = 0;
  size_t new_at_ = 0;
};

class ShardChecker {
 public:
  explicit ShardChecker(const ShardCheckJob& job)
      : job_(job), workspace_(job.processor) {
    if (job.index == nullptr) return;
    for (const ShardEntry& entry : job.index->shards) {
      entries_[entry.file] = &entry;
    }
  }

  Result<ShardCheck> Check();

 private:
  Result<void> CheckShard(size_t index);
  Result<ShardWriter::Committed> CheckFile(const PlannedShard& shard,
                                           const Result<ShardReader>& reader,
                                           const ShardEntry* entry) const;
  Result<uint64_t> CountMendedRows(const PlannedShard& shard,
                                   const ShardReader& reader);
  Result<bool> IsMended(const RecordTask& task, const ShardRow& row);

  const ShardCheckJob& job_;
  std::map<std::string, const ShardEntry*> entries_;
  RecordInput input_;
  RecordWorkspace workspace_;
  ShardCheck check_;
};

// Whether a rejected row's audio gives another outcome now.
Result<bool> ShardChecker::IsMended(const RecordTask& task,
                                    const ShardRow& row) {
  const bool was_poison = row.reject_code == ErrorCode::kPoison;
  if (was_poison || job_.suspects.contains(task.source_hash)) {
    const Result<std::optional<int>> ended =
        TryRowAlone(task, job_.processor,
                    job_.plan.config.resources.hang_seconds, *job_.control);
    if (!ended.ok()) return ended.error();
    if (was_poison) return !ended.value().has_value();
    if (ended.value()) return true;  // the run to come rejects it as poison
  }
  NoFeatures no_features;
  const Result<ShardRow> now =
      TryRecord(task, job_.processor, &input_, &no_features, &workspace_);
  // Stopped rows too.
  if (!now.ok() && ErrorStageName(now.error().code) == "machine") {
    return now.error();
  }
  return now.ok() || MakeRejectedRow(task, LastingError(now.error())) != row;
}

// Counts the rejected rows of a shard whose audio gives another outcome now,
// and tells about the others.
Result<uint64_t> ShardChecker::CountMendedRows(const PlannedShard& shard,
                                               const ShardReader& reader) {
  const auto is_rejected = [](const ShardRow& row) {
    return row.status == RowStatus::kRejected;
  };
  if (std::none_of(reader.rows().begin(), reader.rows().end(), is_rejected)) {
    return uint64_t{0};
  }
  WorkPermit permit(*job_.control, [&permit] { permit.Revoke(); });
  const Result<RecordList> tasks =
      RecordList::Load(job_.plan, shard, {}, &permit);
  if (!tasks.ok()) return tasks.error();
  uint64_t num_mended = 0;
  for (size_t i = 0; i < tasks.value().size(); ++i) {
    const ShardRow& row = reader.rows()[i];
    if (!is_rejected(row)) continue;
    if (job_.control->stop_requested()) return MachineFault("stopped", EINTR);
    const RecordTask task = tasks.value()[i];
    const Result<bool> mended = IsMended(task, row);
    if (!mended.ok()) return mended.error();
    if (mended.value()) {
      ++num_mended;
      continue;
    }
    check_.still_rejected[row.reject_code].Add(
        {job_.plan.splits[shard.split].name, task.line, task.audio,
         RejectMessage(row.reject_code, row.reject_detail)});
  }
  return num_mended;
}

// Why a shard's file cannot be kept, if it cannot. `entry`: what store.json
// says of it, if anything.
Result<ShardWriter::Committed> ShardChecker::CheckFile(
    const PlannedShard& shard, const Result<ShardReader>& reader,
    const ShardEntry* entry) const {
  if (!reader.ok()) return reader.error();
  if (!job_.plan.IsShard(shard, reader.value().spec())) {
    return Error{ErrorCode::kBadHeader, "is another shard"};
  }
  const Result<uint64_t> checksum = reader.value().CheckIndex();
  if (!checksum.ok()) return checksum.error();
  if (entry != nullptr && entry->checksum != checksum.value()) {
    return Error{ErrorCode::kBadHeader, "is not the shard of store.json"};
  }
  if (job_.read_features) {
    const auto damaged = reader.value().FindDamagedRows(
        [this] { return job_.control->stop_requested(); });
    if (!damaged.ok()) return damaged.error();
    if (!damaged.value().empty()) {
      return Error{
          ErrorCode::kBadHeader,
          fmt::format("row {} is damaged", fmt::join(damaged.value(), ", "))};
    }
  }
  return ShardWriter::Committed{reader.value().num_bytes(), checksum.value()};
}

Result<void> ShardChecker::CheckShard(size_t index) {
  const PlannedShard& shard = job_.plan.shards[index];
  const std::string file = job_.plan.ShardFileName(shard);
  const auto known = entries_.find(file);
  const ShardEntry* entry = known == entries_.end() ? nullptr : known->second;
  const Result<ShardReader> reader =
      ShardReader::Open(job_.folder + '/' + file);
  const Result<ShardWriter::Committed> whole = CheckFile(shard, reader, entry);
  if (!whole.ok()) {
    const Error& error = whole.error();
    if (error.code == ErrorCode::kMachineFault) return Unreadable(file, error);
    if (error.code != ErrorCode::kNotFound || entry != nullptr) {
      check_.damages.push_back({.file = file, .what = error.message});
    }
    check_.to_make.push_back(index);
    return {};
  }
  const Result<uint64_t> num_mended = CountMendedRows(shard, reader.value());
  if (!num_mended.ok()) return num_mended.error();
  check_.num_mended_rows += num_mended.value();
  if (num_mended.value() > 0) {
    check_.to_make.push_back(index);
  } else {
    check_.kept[index] = whole.value();
  }
  return {};
}

Result<ShardCheck> ShardChecker::Check() {
  job_.control->shards_to_check = job_.plan.shards.size();
  job_.control->phase = RunControl::Phase::kCheck;
  std::set<std::string> seen;
  for (size_t i = 0; i < job_.plan.shards.size(); ++i) {
    if (job_.control->stop_requested()) return MachineFault("stopped", EINTR);
    if (seen.insert(job_.plan.ShardFileName(job_.plan.shards[i])).second) {
      const Result<void> checked = CheckShard(i);
      if (!checked.ok()) return checked.error();
    }
    ++job_.control->shards_checked;
  }
  return std::move(check_);
}

}  // namespace

std::optional<FileIdentity> FoundStore::FindFile(
    const std::string& name) const {
  const auto found = files.find(name);
  if (found == files.end()) return std::nullopt;
  return found->second;
}

Result<FoundStore> InspectFolder(const RunConfig& config) {
  CheckIsFolder(config.store.folder);
  CheckManifestsLieElsewhere(config);
  FoundStore found;
  // First: what is read then is of these files, or a change shows.
  Result<SeenFiles> files = SeeFiles(config.store.folder);
  if (!files.ok()) return files.error();
  found.files = std::move(files).value();
  Result<StoreIndex> index = ReadStoreIndex(config.store.folder);
  if (!index.ok() && index.error().code == ErrorCode::kMachineFault) {
    return index.error();
  }
  if (index.ok()) {
    found.index = std::move(index).value();
    CheckBelongs(config, found.index->contract, found.index->producer,
                 found.index->shard_target_bytes);
  }
  // Both depend on the input only, so each is rebuilt when it is damaged, as
  // long as the other one says that this is a store.
  Result<StoredPlan> plan = ReadPlanFile(config.store.folder + '/' + kPlanFile);
  if (!plan.ok() && plan.error().code == ErrorCode::kMachineFault) {
    return Unreadable(kPlanFile, plan.error());
  }
  if (plan.ok() && !(found.index && !IsPlanOf(plan.value(), *found.index))) {
    found.plan = std::move(plan).value();
    CheckBelongs(config, found.plan->contract, found.plan->producer,
                 found.plan->shard_target_bytes);
  } else if (found.index) {
    found.damages.push_back({.file = kPlanFile,
                             .what = plan.ok() ? "is not the plan of store.json"
                                               : plan.error().message});
  }
  if (!index.ok() && index.error().code != ErrorCode::kNotFound) {
    if (!found.plan || index.error().code != ErrorCode::kBadJson) {
      throw SetupError(fmt::format("{}/{}: {}", config.store.folder,
                                   kStoreIndexFile, index.error().message));
    }
    found.damages.push_back(
        {.file = kStoreIndexFile, .what = index.error().message});
  }
  if (found.is_empty()) CheckHoldsNothingElse(config.store.folder, found.files);
  return found;
}

Result<PlanChange> ComparePlans(const StoredPlan& old_plan, const Plan& plan) {
  std::vector<std::string> names;
  for (const SplitPlan& split : plan.splits) names.push_back(split.name);
  const auto old_lines = HashLines(*old_plan.rows, old_plan.kept_fields.size(),
                                   old_plan.split_names);
  if (!old_lines.ok()) return old_lines.error();
  const auto new_lines =
      HashLines(*plan.rows, plan.config.input.kept_fields.size(), names);
  if (!new_lines.ok()) return new_lines.error();
  PlanChange change;
  LineMatcher(old_lines.value(), new_lines.value()).Count(&change);
  change.is_reordered =
      change.num_added + change.num_gone + change.num_changed == 0 &&
      old_plan.fingerprint != ToHex(plan.fingerprint);
  return change;
}

Result<ShardCheck> CheckShards(const ShardCheckJob& job) {
  return ShardChecker(job).Check();
}

}  // namespace melmill
