#include "pipeline/run/shard_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <set>
#include <utility>

#include "pipeline/extract/open_shard.h"
#include "pipeline/row/feature_sink.h"
#include "pipeline/row/reject_rules.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_list.h"
#include "pipeline/row/row_task.h"
#include "pipeline/row/row_trial.h"
#include "pipeline/row/work_permit.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "store/shard/shard_reader.h"
#include "store/shard/without_features.h"

namespace melmill {
namespace {

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
  Result<uint64_t> CountChangedRejects(const PlannedShard& shard,
                                       const ShardReader& reader);
  Result<bool> HasChanged(const RowTask& task, const ShardRow& row);

  const ShardCheckJob& job_;
  std::map<std::string, const ShardEntry*> entries_;
  RowInput input_;
  RowWorkspace workspace_;
  ShardCheck check_;
};

// Whether a rejected row's audio gives another outcome now.
Result<bool> ShardChecker::HasChanged(const RowTask& task,
                                      const ShardRow& row) {
  const bool was_poison = row.reject_code == RejectCode::kPoison;
  if (was_poison || job_.suspects.contains(task.source_hash)) {
    const Result<std::optional<int>> ended =
        TryRowAlone(task, job_.processor, job_.hang_seconds, *job_.control);
    if (!ended.ok()) return ended.error();
    if (was_poison) return !ended.value().has_value();
    if (ended.value()) return true;  // the coming run rejects it as poison
  }
  NoFeatures no_features;
  const Result<ShardRow> now =
      TryRow(task, job_.processor, &input_, &no_features, &workspace_);
  // This includes stopped rows.
  if (!now.ok() && !now.error().code.is_reject()) return now.error();
  return now.ok() || MakeRejectedRow(task, LastingError(now.error())) != row;
}

// Counts the rejected rows of a shard whose audio gives another outcome now,
// and adds the others to still_rejected.
Result<uint64_t> ShardChecker::CountChangedRejects(const PlannedShard& shard,
                                                   const ShardReader& reader) {
  const auto is_rejected = [](const ShardRow& row) {
    return row.status == RowStatus::kRejected;
  };
  if (!job_.try_rejects ||
      std::none_of(reader.rows().begin(), reader.rows().end(), is_rejected)) {
    return uint64_t{0};
  }
  WorkPermit permit(*job_.control, [&permit] { permit.Revoke(); });
  const Result<RowList> tasks = RowList::Load(job_.work, shard, {}, &permit);
  if (!tasks.ok()) return tasks.error();
  uint64_t num_rejects_changed = 0;
  for (size_t i = 0; i < tasks.value().size(); ++i) {
    const ShardRow& row = reader.rows()[i];
    if (!is_rejected(row)) continue;
    if (job_.control->stop_requested()) return MachineFault("stopped", EINTR);
    const RowTask task = tasks.value()[i];
    const Result<bool> changed = HasChanged(task, row);
    if (!changed.ok()) return changed.error();
    if (changed.value()) {
      ++num_rejects_changed;
      continue;
    }
    check_.still_rejected[row.reject_code].Add(
        {job_.work.plan.split_names[shard.split], task.line, task.audio,
         RejectMessage(row.reject_code, row.reject_detail,
                       row.source_num_samples)});
  }
  return num_rejects_changed;
}

// Returns the shard's size and checksum, or as an error why its file cannot be
// kept. `entry` is its entry in store.json, or null.
Result<ShardWriter::Committed> ShardChecker::CheckFile(
    const PlannedShard& shard, const Result<ShardReader>& reader,
    const ShardEntry* entry) const {
  if (!reader.ok()) return reader.error();
  if (!job_.work.IsShard(shard, reader.value().spec())) {
    return Error{ErrorCode::kDamaged, "is another shard"};
  }
  const Result<uint64_t> checksum = reader.value().CheckIndex();
  if (!checksum.ok()) return checksum.error();
  if (entry != nullptr && entry->checksum != checksum.value()) {
    return Error{ErrorCode::kDamaged, "is not the shard of store.json"};
  }
  if (job_.read_features) {
    const auto damaged = reader.value().FindDamagedRows(
        [this] { return job_.control->stop_requested(); });
    if (!damaged.ok()) return damaged.error();
    if (!damaged.value().empty()) {
      return Error{
          ErrorCode::kDamaged,
          fmt::format("row {} is damaged", fmt::join(damaged.value(), ", "))};
    }
  }
  return ShardWriter::Committed{reader.value().num_bytes(), checksum.value()};
}

Result<void> ShardChecker::CheckShard(size_t index) {
  const PlannedShard& shard = job_.work.plan.shards[index];
  const std::string file = job_.work.plan.ShardFileName(shard);
  const auto known = entries_.find(file);
  const ShardEntry* entry = known == entries_.end() ? nullptr : known->second;
  const Result<ShardReader> reader =
      ShardReader::Open(job_.folder + '/' + file);
  const Result<ShardWriter::Committed> whole = CheckFile(shard, reader, entry);
  if (!whole.ok()) {
    const Error& error = whole.error();
    if (error.code == ErrorCode::kMachineFault) return Unreadable(file, error);
    if (error.code != RejectCode::kNotFound || entry != nullptr) {
      check_.damages.push_back({.file = file, .what = error.message});
    }
    check_.to_make.push_back(index);
    return {};
  }
  const Result<uint64_t> num_rejects_changed =
      CountChangedRejects(shard, reader.value());
  if (!num_rejects_changed.ok()) return num_rejects_changed.error();
  check_.num_rejects_changed += num_rejects_changed.value();
  if (num_rejects_changed.value() > 0) {
    check_.to_make.push_back(index);
  } else {
    check_.kept[index] = whole.value();
    if (LacksFeatures(job_.folder + '/' + file)) {
      check_.without_features.push_back(file);
    }
  }
  return {};
}

Result<ShardCheck> ShardChecker::Check() {
  job_.control->shards_to_check = job_.work.plan.shards.size();
  job_.control->phase = RunControl::Phase::kCheck;
  std::set<std::string> seen;
  for (size_t i = 0; i < job_.work.plan.shards.size(); ++i) {
    if (job_.control->stop_requested()) return MachineFault("stopped", EINTR);
    if (seen.insert(job_.work.plan.ShardFileName(job_.work.plan.shards[i]))
            .second) {
      const Result<void> checked = CheckShard(i);
      if (!checked.ok()) return checked.error();
    }
    ++job_.control->shards_checked;
  }
  return std::move(check_);
}

}  // namespace

Result<ShardCheck> CheckShards(const ShardCheckJob& job) {
  return ShardChecker(job).Check();
}

void RequireFeatures(const ShardCheck& check, const std::string& folder) {
  if (check.without_features.empty()) return;
  throw SetupError(fmt::format("{}/{}: {}", folder,
                               check.without_features.front(),
                               MissingFeatures().message));
}

Result<bool> CheckOtherFiles(const FoundStore& found, const std::string& folder,
                             bool read_all, const RunControl& control,
                             std::vector<Damage>* damages) {
  bool all_whole = found.plan.has_value();
  for (const FileEntry& entry : found.index->files()) {
    if (entry.file == kPlanFile && !found.plan) continue;
    if (control.stop_requested()) return MachineFault("stopped", EINTR);
    const Result<std::optional<Damage>> damage =
        CheckFile(folder, entry, read_all);
    if (!damage.ok()) return damage.error();
    if (!damage.value()) continue;
    damages->push_back(*damage.value());
    all_whole = false;
  }
  return all_whole;
}

}  // namespace melmill
