#include "pipeline/parts/run_finish.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "io/file/durable_file.h"
#include "io/file/name_change.h"
#include "pipeline/folder/doubts_file.h"
#include "pipeline/folder/file_system.h"
#include "pipeline/folder/job_file.h"
#include "pipeline/folder/machine.h"
#include "pipeline/folder/other_maker.h"
#include "pipeline/folder/run_folder.h"
#include "pipeline/parts/disputes.h"
#include "pipeline/parts/doubt_judge.h"
#include "pipeline/parts/part_choice.h"
#include "pipeline/parts/part_config.h"
#include "pipeline/parts/stored_rejects.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/run/finish.h"
#include "pipeline/run/make_shards.h"
#include "pipeline/run/report_parts.h"
#include "pipeline/run/shard_check.h"
#include "pipeline/setup/cpu_count.h"
#include "pipeline/setup/resource_limits.h"
#include "pipeline/setup/setup_error.h"
#include "pipeline/setup/stopwatch.h"
#include "store/damage.h"
#include "store/local_file.h"
#include "store/origin.h"
#include "store/shard/shard_writer.h"
#include "store/shard/without_features.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

// On a network file system a name that another machine made may show late.
constexpr std::chrono::seconds kWaitForNames{60};
constexpr std::chrono::seconds kLookInterval{2};

// One run of RunFinish, step by step.
class FinishRun {
 public:
  FinishRun(const RunConfig& config, RunControl* control)
      : config_(config), control_(control) {
    if (config_.resources.num_threads == 0)
      config_.resources.num_threads = AvailableCpus();
  }

  RunReport Run();

 private:
  const std::string& folder() const { return config_.store.folder; }
  const Plan& plan() const { return *folder_.found().plan; }
  PlannedWork work() const {
    return {plan(), config_.features, config_.input.audio_root};
  }
  bool Open();
  bool EndComplete(const StoreIndex& index);
  bool NothingIsDisputed();
  bool FindShards();
  Result<std::vector<size_t>> FindMissing() const;
  Result<void> CheckShards();
  Result<void> RemoveDamaged();
  bool FewAreDoubtful();
  Result<DoubtJudge> MakeJudge() const;
  bool EndWithDoubts(std::vector<DoubtfulRow> doubts);
  bool MakeDoubtful();
  void Finish();
  void CleanUp(const StoreIndex& index);
  Result<void> WriteLocalFile();
  bool EndWithFault(const Error& error);
  bool EndWithMissing(const std::vector<size_t>& shards);
  bool MayGoOn();

  RunConfig config_;
  RunControl* control_;
  RunReport report_;
  const Stopwatch stopwatch_;
  RunFolder folder_{config_};
  std::optional<Job> job_;
  std::optional<RowComputer> computer_;
  ShardCheck shards_;
  std::vector<DoubtfulRow> doubts_;  // of missing shards
};

bool FinishRun::EndWithFault(const Error& error) {
  report_.fault = NameMakers(error, folder(), ThisMachine());
  report_.status = RunStatus::kMachineFault;
  return false;
}

bool FinishRun::EndWithMissing(const std::vector<size_t>& shards) {
  report_.missing_shards = FormatShards(shards);
  report_.num_shards_left = shards.size();
  report_.doubts = doubts_;
  report_.status = RunStatus::kShardsMissing;
  return false;
}

bool FinishRun::MayGoOn() {
  if (!control_->stop_requested()) return true;
  report_.status = RunStatus::kStopped;
  return false;
}

void FinishRun::CleanUp(const StoreIndex& index) {
  const Result<void> done = folder_.RemoveLeftovers(index);
  if (!done.ok()) report_.notes.push_back(done.error().message);
}

// Reports a store that was complete before. Its rejects are those that the run
// which completed it reported.
bool FinishRun::EndComplete(const StoreIndex& index) {
  const std::string& ledger = index.rejects.file;
  Result<RejectTallies> rejects =
      ReadStoredRejects(folder() + '/' + ledger, config_.input.audio_root);
  if (!rejects.ok()) return EndWithFault(Unreadable(ledger, rejects.error()));
  report_.rejects = std::move(rejects).value();
  for (const SplitEntry& split : index.splits) {
    report_.num_rejected += split.num_rejected;
  }
  std::set<std::string> files;
  for (const ShardEntry& shard : index.shards) files.insert(shard.file);
  report_.num_without_features = static_cast<uint64_t>(
      std::ranges::count_if(files, [this](const std::string& file) {
        return LacksFeatures(folder() + '/' + file);
      }));
  report_.store = index;
  report_.num_shards_kept = report_.num_shards_planned;
  report_.status = RunStatus::kNothingToDo;
  CleanUp(index);
  return false;
}

// Returns true if the store is not complete yet.
bool FinishRun::Open() {
  const Result<void> opened = folder_.Open();
  if (!opened.ok()) return EndWithFault(opened.error());
  const FoundStore& found = folder_.found();
  if (!found.plan) {
    throw SetupError(fmt::format(
        "{}: plan.h5 is damaged; run melmill plan again", folder()));
  }
  report_.log_mel = config_.features.log_mel();
  report_.num_shards_planned = DistinctShards(plan()).size();
  if (found.index) return EndComplete(*found.index);
  job_ = ReadJobOfPlan(folder(), plan());
  report_.plan = job_->report;
  report_.rejects = job_->report.rejects;
  report_.num_rejected = SumCounts(report_.rejects);
  computer_.emplace(config_.features);
  return true;
}

bool FinishRun::NothingIsDisputed() {
  const Result<void> undisputed = RequireNoDispute(folder());
  return undisputed.ok() || EndWithFault(undisputed.error());
}

Result<std::vector<size_t>> FinishRun::FindMissing() const {
  const Result<std::vector<std::string>> names = ListFolder(folder());
  if (!names.ok()) return names.error();
  return MissingShards(DistinctShards(plan()), plan(), names.value());
}

Result<void> FinishRun::CheckShards() {
  Result<ShardCheck> shards =
      melmill::CheckShards({.work = work(),
                            .folder = folder(),
                            .try_rejects = false,
                            .processor = *computer_,
                            .suspects = {},
                            .hang_seconds = config_.resources.hang_seconds,
                            .control = control_});
  if (!shards.ok()) return shards.error();
  shards_ = std::move(shards).value();
  report_.damages = shards_.damages;
  return {};
}

// Parts go by names, so a damaged file must lose its name.
Result<void> FinishRun::RemoveDamaged() {
  if (shards_.damages.empty()) return {};
  for (const Damage& damage : shards_.damages) {
    const auto identity = FindFile(folder_.found().files, damage.file);
    if (!identity) continue;
    const Result<bool> removed =
        RemoveIfSame(folder() + '/' + damage.file, *identity);
    if (!removed.ok()) return removed.error();
  }
  return SyncFolder(folder());
}

// Finds the shards that parts made and those that they left in doubt. Returns
// true if no other shard is missing.
bool FinishRun::FindShards() {
  const Result<std::vector<DoubtfulRow>> doubts = ReadDoubts(folder());
  if (!doubts.ok()) return EndWithFault(doubts.error());
  std::set<std::string> doubtful;
  for (const DoubtfulRow& row : doubts.value()) doubtful.insert(row.shard);
  const auto is_undoubted = [&](size_t i) {
    return !doubtful.contains(plan().ShardFileName(plan().shards[i]));
  };
  const auto wait =
      IsOnNetwork(folder()) ? kWaitForNames : std::chrono::seconds::zero();
  Result<std::vector<size_t>> missing = FindMissing();
  while (missing.ok() && stopwatch_.seconds() < wait.count() &&
         std::any_of(missing.value().begin(), missing.value().end(),
                     is_undoubted)) {
    if (!MayGoOn()) return false;
    std::this_thread::sleep_for(kLookInterval);
    missing = FindMissing();
  }
  if (!missing.ok()) return EndWithFault(missing.error());
  const Result<void> checked = CheckShards();
  if (!MayGoOn()) return false;
  if (!checked.ok()) return EndWithFault(checked.error());
  const Result<void> removed = RemoveDamaged();
  if (!removed.ok()) return EndWithFault(removed.error());
  report_.num_shards_kept = shards_.kept.size();
  report_.num_without_features = shards_.without_features.size();
  std::set<std::string> left;
  for (const size_t i : shards_.to_make) {
    left.insert(plan().ShardFileName(plan().shards[i]));
  }
  for (const DoubtfulRow& row : doubts.value()) {
    if (left.contains(row.shard)) doubts_.push_back(row);
  }
  std::vector<size_t> undoubted;
  std::copy_if(shards_.to_make.begin(), shards_.to_make.end(),
               std::back_inserter(undoubted), is_undoubted);
  return undoubted.empty() || EndWithMissing(undoubted);
}

// Too many doubts point to machines, not to files.
bool FinishRun::FewAreDoubtful() {
  constexpr uint64_t kAlwaysAllowed = 16;
  const uint64_t num_lines = job_->report.num_lines();
  const size_t num_rows = CountRows(doubts_);
  if (num_rows <= std::max(kAlwaysAllowed, num_lines / 100)) return true;
  return EndWithFault(
      {ErrorCode::kMachineFault,
       fmt::format("parts could not read {} rows, such as {} line {} ({}: "
                   "{}, on {}): too many to reject. See that the audio can "
                   "be read, and make these parts again",
                   num_rows, doubts_[0].split, doubts_[0].line,
                   doubts_[0].audio, doubts_[0].message,
                   doubts_[0].machine.host)});
}

Result<DoubtJudge> FinishRun::MakeJudge() const {
  Result<std::vector<Machine>> workers = ReadWorkers(folder());
  if (!workers.ok()) return workers.error();
  workers.value().push_back(job_->machine);
  return DoubtJudge(ThisMachine(), workers.value(), doubts_);
}

// Ends with the shards of rows that only this machine could not read.
bool FinishRun::EndWithDoubts(std::vector<DoubtfulRow> doubts) {
  std::set<std::string> names;
  for (const DoubtfulRow& row : doubts) names.insert(row.shard);
  std::vector<size_t> left;
  for (const size_t i : shards_.to_make) {
    if (names.contains(plan().ShardFileName(plan().shards[i]))) {
      left.push_back(i);
    }
  }
  std::vector<DoubtfulRow> fresh = doubts;
  std::erase_if(fresh, [this](const DoubtfulRow& row) {
    return std::find(doubts_.begin(), doubts_.end(), row) != doubts_.end();
  });
  if (!fresh.empty()) {
    const Result<void> written = WriteDoubts(folder(), fresh);
    if (!written.ok()) report_.notes.push_back(written.error().message);
  }
  doubts_ = std::move(doubts);
  return EndWithMissing(left);
}

bool FinishRun::MakeDoubtful() {
  if (shards_.to_make.empty()) return true;
  if (!FewAreDoubtful()) return false;
  CheckCanary(*job_, config_.features);
  const Result<DoubtJudge> judge = MakeJudge();
  if (!judge.ok()) return EndWithFault(judge.error());
  RequireOpenFiles(MaxOpenFilesOfExtraction(config_, shards_.to_make.size()));
  std::vector<DoubtfulRow> doubts;
  ExtractOutcome made = MakeShards({.work = work(),
                                    .processor = *computer_,
                                    .shards = shards_.to_make,
                                    .config = config_,
                                    .control = control_,
                                    .may_reject =
                                        [&](const Doubt& doubt) {
                                          DoubtfulRow row =
                                              DescribeDoubt(plan(), doubt);
                                          if (judge.value().MayReject(row))
                                            return true;
                                          doubts.push_back(std::move(row));
                                          return false;
                                        }},
                                   &report_);
  NoteDisputes(made, plan(), folder(), &report_.notes);
  if (made.fault) return EndWithFault(*made.fault);
  shards_.kept.merge(made.committed);
  if (!MayGoOn()) return false;
  return doubts.empty() || EndWithDoubts(std::move(doubts));
}

// Other machines made shards, so this one knows nothing of their files. But it
// knows how the store was planned, which job.json is no longer there to say.
Result<void> FinishRun::WriteLocalFile() {
  const auto local = LocalFile::Load(folder() + '/' + kLocalFile);
  if (!local.ok()) return local.error();
  const Result<void> set = local.value()->SetOrigin(FormatOrigin(job_->origin));
  if (!set.ok()) return set.error();
  return local.value()->Rewrite({}, IdsOfShards(*report_.store));
}

void FinishRun::Finish() {
  control_->phase = RunControl::Phase::kFinish;
  // A killed finish may have left tables, perhaps of shards since remade.
  Result<FinishedStore> finished =
      FinishStore(work(), report_.plan->splits, /*files=*/nullptr, folder(),
                  shards_.kept, /*old=*/folder_.found().files);
  if (!finished.ok()) {
    EndWithFault(finished.error());
    return;
  }
  const Result<void> added =
      AddFinishedStore(std::move(finished).value(), &report_);
  if (!added.ok()) {
    EndWithFault(added.error());
    return;
  }
  CleanUp(*report_.store);
  const Result<void> taken = WriteLocalFile();
  if (!taken.ok()) report_.notes.push_back(taken.error().message);
  report_.status = RunStatus::kFinished;
}

RunReport FinishRun::Run() {
  RequireThreads(config_);
  if (Open() && NothingIsDisputed() && FindShards() && MakeDoubtful()) {
    Finish();
  }
  if (report_.store) report_.store_bytes = StoreBytes(*report_.store);
  folder_.TellOfLocks(&report_.notes);
  report_.total_seconds = stopwatch_.seconds();
  return std::move(report_);
}

}  // namespace

RunReport RunFinish(const RunConfig& config, RunControl* control) {
  return FinishRun(config, control).Run();
}

}  // namespace melmill
