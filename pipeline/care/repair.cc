#include "pipeline/care/repair.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "io/file/file_lock.h"
#include "io/file/line_reader.h"
#include "io/file/name_change.h"
#include "io/hash.h"
#include "pipeline/care/audio_check.h"
#include "pipeline/care/stored_run.h"
#include "pipeline/extract/extract.h"
#include "pipeline/extract/open_shard.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_list.h"
#include "pipeline/row/row_task.h"
#include "pipeline/row/row_trial.h"
#include "pipeline/row/row_watch.h"
#include "pipeline/row/suspects_file.h"
#include "pipeline/row/work_permit.h"
#include "pipeline/run/suspects.h"
#include "pipeline/setup/cpu_count.h"
#include "pipeline/setup/resource_limits.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "store/shard/shard_reader.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

// A split's name and a line of its manifest.
using LinePlace = std::pair<std::string, uint64_t>;

// The lines that rejects.jsonl lists as poison. Text that is not such a line is
// ignored: the file may be damaged. Error: kMachineFault.
Result<std::set<LinePlace>> ReadPoisonLines(const std::string& path) {
  std::set<LinePlace> poison;
  Result<LineReader> reader = LineReader::Open(path);
  if (!reader.ok()) return poison;  // reported with the other files
  while (true) {
    const Result<std::optional<Line>> line = reader.value().Next();
    if (!line.ok()) return line.error();
    if (!line.value()) return poison;
    try {
      const auto entry = nlohmann::json::parse(line.value()->bytes);
      if (entry.at("code") == RejectCodeName(RejectCode::kPoison)) {
        poison.emplace(entry.at("split").get<std::string>(),
                       entry.at("line").get<uint64_t>());
      }
    } catch (const nlohmann::json::exception&) {
      continue;
    }
  }
}

class Repairer {
 public:
  // `files` are those of the folder, before any of them was read.
  Repairer(const StoreIndex& index, const RunConfig& config,
           const SeenFiles& files, RunControl* control)
      : index_(index), config_(config), files_(files), control_(control) {}

  RepairReport Repair();

 private:
  Result<void> Prepare();
  void SortDamages();
  bool ReadPlan();
  Result<void> DropShardsThatCannotBeMade();
  Result<void> QuarantineSuspects();
  void MakeShards();
  void Settle(size_t shard);
  Result<void> RemoveTriedSuspects();
  // Reports the rows whose audio changed, for a shard that was rebuilt with
  // other bytes.
  Result<void> NameChangedRows(size_t shard);

  PlannedWork work() const {
    return {*plan_, config_.features, config_.input.audio_root};
  }

  const StoreIndex& index_;
  const RunConfig& config_;
  const SeenFiles& files_;
  RunControl* control_;
  RepairReport report_;
  // For each damaged shard's file, its first index in store.json.
  std::map<std::string, size_t> damaged_;
  std::optional<Plan> plan_;
  std::optional<RowComputer> processor_;
  Quarantine quarantine_;
  std::set<Hash128> tried_;  // rows
  ExtractOutcome outcome_;
};

// Puts damaged shards into damaged_. Everything else is left.
void Repairer::SortDamages() {
  std::map<std::string, size_t> shards;
  for (size_t i = 0; i < index_.shards.size(); ++i) {
    shards.emplace(index_.shards[i].file, i);
  }
  for (const Damage& damage : report_.found.damages) {
    const auto shard = shards.find(damage.file);
    if (shard == shards.end()) {
      report_.left.push_back(damage);
    } else {
      damaged_.insert(*shard);
    }
  }
}

bool Repairer::ReadPlan() {
  Result<Plan> plan = PlanOfStore(config_.store.folder, index_);
  if (plan.ok()) {
    plan_ = std::move(plan).value();
    return true;
  }
  if (plan.error().code == ErrorCode::kMachineFault) {
    report_.fault = plan.error();
    return false;
  }
  for (const auto& [file, shard] : damaged_) {
    report_.left.push_back(
        {.file = file,
         .what = fmt::format("cannot be rebuilt without {}, which {}",
                             kPlanFile, plan.error().message)});
  }
  return false;
}

// Drops shards whose rows are inconsistent, and shards none of whose audio
// files exist. With the wrong working directory the latter are all.
Result<void> Repairer::DropShardsThatCannotBeMade() {
  for (auto at = damaged_.begin(); at != damaged_.end();) {
    const auto tasks = RowList::Load(work(), plan_->shards[at->second]);
    if (!tasks.ok() && tasks.error().code == ErrorCode::kDamaged) {
      report_.left.push_back({.file = at->first,
                              .what = fmt::format("cannot be rebuilt: {}",
                                                  tasks.error().message)});
      at = damaged_.erase(at);
      continue;
    }
    if (!tasks.ok()) return tasks.error();
    size_t row = 0;
    while (row < tasks.value().size() && !FileExists(tasks.value()[row].path)) {
      ++row;
    }
    if (row < tasks.value().size()) {
      ++at;
      continue;
    }
    const RowTask first = tasks.value()[0];
    report_.left.push_back(
        {.file = at->first,
         .what = fmt::format(
             "none of its audio files was found; the first, {}, was looked "
             "for as {} ({})",
             first.audio, first.path,
             HowToFindAudio(config_.store.folder, first.written_path))});
    at = damaged_.erase(at);
  }
  return {};
}

// Rows that were rejected as poison or ended an earlier repair must not end
// this process, too.
Result<void> Repairer::QuarantineSuspects() {
  const Result<std::set<LinePlace>> poison =
      ReadPoisonLines(config_.store.folder + '/' + index_.rejects.file);
  if (!poison.ok()) return poison.error();
  const Result<Suspects> suspects = ReadAllSuspects(config_.store.folder);
  if (!suspects.ok()) return suspects.error();
  if (poison.value().empty() && suspects.value().empty()) return {};
  for (const auto& [file, shard] : damaged_) {
    const std::string& split = index_.shards[shard].split;
    const auto tasks = RowList::Load(work(), plan_->shards[shard]);
    if (!tasks.ok()) return tasks.error();
    for (size_t i = 0; i < tasks.value().size(); ++i) {
      const RowTask task = tasks.value()[i];
      if (!poison.value().contains({split, task.line}) &&
          !suspects.value().contains(task.source_hash)) {
        continue;
      }
      const Result<std::optional<int>> ended = TryRowAlone(
          task, *processor_, config_.resources.hang_seconds, *control_);
      if (!ended.ok()) return ended.error();
      tried_.insert(task.source_hash);
      if (ended.value()) quarantine_[task.source_hash] = *ended.value();
    }
  }
  return {};
}

void Repairer::MakeShards() {
  ExtractJob job = {
      .work = work(),
      .processor = *processor_,
      .folder = config_.store.folder,
      .num_threads = config_.resources.num_threads,
      .num_io_threads = config_.resources.num_io_threads,
      .max_bytes_in_flight = config_.resources.memory_bytes - kBaseMemoryBytes,
      .control = control_,
      .quarantine = quarantine_};
  for (const auto& [file, shard] : damaged_) {
    Replacement& replacement = job.replacements[shard];
    replacement.checksum = index_.shards[shard].checksum;
    replacement.num_bytes = index_.shards[shard].num_bytes;
    if (const auto seen = files_.find(file); seen != files_.end()) {
      replacement.damaged = seen->second;
    }
    control_->frames_to_do += plan_->shards[shard].num_frames;
    job.shards.push_back(shard);
  }
  control_->phase = RunControl::Phase::kExtract;
  if (control_->on_planned) {
    control_->on_planned({.num_shards_to_make = job.shards.size()});
  }
  outcome_ = Extract(job);
}

Result<void> Repairer::NameChangedRows(size_t shard) {
  const ShardEntry& entry = index_.shards[shard];
  WorkPermit permit(*control_, [&permit] { permit.Revoke(); });
  const auto tasks = RowList::Load(work(), plan_->shards[shard], {}, &permit);
  if (!tasks.ok()) return tasks.error();
  const auto old = ShardReader::Open(config_.store.folder + '/' + entry.file);
  const auto old_checksum =
      old.ok() ? old.value().CheckIndex() : Result<uint64_t>(old.error());
  const bool knows_old =
      old_checksum.ok() && old_checksum.value() == entry.checksum &&
      work().IsShard(plan_->shards[shard], old.value().spec());
  RowChecker checker(*processor_);
  for (size_t i = 0; i < tasks.value().size(); ++i) {
    if (control_->stop_requested()) return MachineFault("stopped", EINTR);
    const RowTask task = tasks.value()[i];
    if (quarantine_.contains(task.source_hash)) continue;
    const auto difference =
        knows_old ? checker.CompareIndex(task, old.value().rows()[task.row])
                  : checker.CheckFile(task);
    if (!difference.ok()) return difference.error();
    if (!difference.value()) continue;
    report_.left.push_back(
        {entry.file, entry.split, task.line, task.audio, *difference.value()});
  }
  return {};
}

void Repairer::Settle(size_t shard) {
  const ShardEntry& entry = index_.shards[shard];
  const auto made = outcome_.committed.find(shard);
  if (made == outcome_.committed.end()) {
    report_.left.push_back({.file = entry.file, .what = "was not rebuilt"});
  } else if (made->second.checksum == entry.checksum) {
    report_.repaired.push_back(entry.file);
  } else {
    report_.left.push_back(
        {.file = entry.file,
         .what = "stays as it is: rebuilt, it would differ from the shard in "
                 "store.json, so the audio has changed"});
    if (control_->stop_requested()) return;
    const Result<void> named = NameChangedRows(shard);
    if (named.ok() || report_.fault || control_->stop_requested()) return;
    report_.fault = named.error();
  }
}

// Once the shards of the tried rows are intact, no later repair computes those
// rows. A file that also names other rows stays: a run will try them.
Result<void> Repairer::RemoveTriedSuspects() {
  for (const auto& [name, identity] : files_) {
    if (!IsSuspectsFileName(name)) continue;
    const std::string path = config_.store.folder + '/' + name;
    const Result<Suspects> suspects = ReadSuspects(path);
    if (!suspects.ok()) return suspects.error();
    const bool all_tried = std::ranges::all_of(
        suspects.value(),
        [this](const auto& suspect) { return tried_.contains(suspect.first); });
    if (!all_tried) continue;
    const Result<bool> removed = RemoveIfSame(path, identity);
    if (!removed.ok()) return removed.error();
  }
  return {};
}

// Decides which shards are made and which rows are not computed.
Result<void> Repairer::Prepare() {
  const Result<void> dropped = DropShardsThatCannotBeMade();
  if (!dropped.ok()) return dropped;
  processor_.emplace(config_.features);
  return QuarantineSuspects();
}

RepairReport Repairer::Repair() {
  report_.found = VerifyStore(config_.store.folder, index_);
  SortDamages();
  if (damaged_.empty() || !ReadPlan()) return std::move(report_);
  const Result<void> prepared = Prepare();
  if (!prepared.ok()) report_.fault = prepared.error();
  if (damaged_.empty() || report_.fault) return std::move(report_);
  const RowWatch watch(WatchOptions(config_.store.folder, *plan_,
                                    config_.resources.hang_seconds, *control_));
  MakeShards();
  report_.fault = outcome_.fault;
  for (const auto& [file, shard] : damaged_) Settle(shard);
  if (report_.fault || report_.repaired.size() < damaged_.size()) {
    return std::move(report_);
  }
  const Result<void> removed = RemoveTriedSuspects();
  if (!removed.ok()) report_.fault = removed.error();
  return std::move(report_);
}

}  // namespace

Result<RepairReport> RepairStore(const std::string& folder,
                                 const std::string& audio_root,
                                 RunControl* control) {
  const Result<FileLock> lock = LockStore(folder);
  if (!lock.ok()) throw SetupError(lock.error().message);
  const Result<StoreIndex> index = ReadStoreIndex(folder);
  if (!index.ok()) return index.error();
  RunConfig config = ConfigOfStore(folder, index.value(), audio_root);
  config.resources.num_threads = AvailableCpus();
  RequireOpenFiles(
      MaxOpenFilesOfExtraction(config, index.value().shards.size()));
  RequireThreads(config);
  const Result<SeenFiles> files = SeeFiles(folder);
  if (!files.ok()) return files.error();
  const Result<void> removed =
      RemoveTemporaryFiles(folder, files.value(), lock.value().is_held());
  if (!removed.ok()) return removed.error();
  return Repairer(index.value(), config, files.value(), control).Repair();
}

}  // namespace melmill
