#include "pipeline/run/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>
#include <utility>

#include "io/file/durable_file.h"
#include "io/manifest/utf8.h"
#include "pipeline/extract/extract.h"
#include "pipeline/folder/doubts_file.h"
#include "pipeline/folder/found_store.h"
#include "pipeline/folder/machine.h"
#include "pipeline/folder/old_files.h"
#include "pipeline/folder/other_maker.h"
#include "pipeline/folder/run_folder.h"
#include "pipeline/input/input_check.h"
#include "pipeline/input/manifest_check.h"
#include "pipeline/lines/plan_chunks.h"
#include "pipeline/plan/plan_builder.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_task.h"
#include "pipeline/row/row_watch.h"
#include "pipeline/row/suspects_file.h"
#include "pipeline/run/audio_change.h"
#include "pipeline/run/finish.h"
#include "pipeline/run/job.h"
#include "pipeline/run/make_shards.h"
#include "pipeline/run/plan_change.h"
#include "pipeline/run/report_parts.h"
#include "pipeline/run/run_report.h"
#include "pipeline/run/shard_check.h"
#include "pipeline/run/suspects.h"
#include "pipeline/setup/byte_size.h"
#include "pipeline/setup/cpu_count.h"
#include "pipeline/setup/resource_limits.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "pipeline/setup/stopwatch.h"
#include "store/local_file.h"
#include "store/plan/plan_file.h"
#include "store/plan/plan_row.h"
#include "store/shard/shard_writer.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

// One run of RunExtract or RunPlan, step by step.
class ExtractRun {
 public:
  ExtractRun(const RunConfig& config, bool only_plans, RunControl* control)
      : config_(config), only_plans_(only_plans), control_(control) {
    if (config_.resources.num_threads == 0)
      config_.resources.num_threads = AvailableCpus();
  }

  RunReport Run();

 private:
  bool OpenFolder();
  bool OpenChunks();
  bool MakePlan();
  bool CheckRejects();
  bool CheckStore();
  Result<ShardCheck> CheckShards();
  void CountShards();
  Result<void> LoadLocalFile();
  bool CompareAudio();
  void PrepareExtraction();
  bool HasSamePlan() const;
  bool WritePlan();
  void WriteJob();
  Result<void> StartLocalFile();
  bool ExtractShards();
  void Finish();
  void MakeStore();
  // Both record what ended the run and return false, for callers to return.
  bool EndWith(RunStatus status);
  bool EndWithFault(const Error& error);
  bool MayGoOn();
  void CleanUp();

  PlannedWork work() const {
    return {*plan_, config_.features, config_.input.audio_root};
  }

  RunConfig config_;
  const bool only_plans_;
  RunControl* control_;
  RunReport report_;
  Stopwatch stopwatch_;
  RunFolder folder_{config_};
  std::optional<PlanChunks> chunks_;
  std::optional<Plan> plan_;
  std::unique_ptr<PlannedFiles> files_;
  std::optional<RowComputer> processor_;
  std::unique_ptr<LocalFile> local_;
  ShardCheck shards_;
  AudioChange audio_;
  ExtractOutcome extracted_;
};

bool ExtractRun::EndWith(RunStatus status) {
  report_.status = status;
  return false;
}

bool ExtractRun::EndWithFault(const Error& error) {
  report_.fault = NameMakers(error, config_.store.folder, ThisMachine());
  return EndWith(RunStatus::kMachineFault);
}

bool ExtractRun::MayGoOn() {
  return !control_->stop_requested() || EndWith(RunStatus::kStopped);
}

void ExtractRun::CleanUp() {
  Result<void> done = folder_.RemoveLeftovers(*report_.store);
  if (done.ok() && local_ != nullptr) {
    done = local_->Compact(IdsOfShards(*report_.store));
  }
  if (!done.ok()) report_.notes.push_back(done.error().message);
}

bool ExtractRun::OpenFolder() {
  const Result<void> opened = folder_.Open();
  if (!opened.ok()) return EndWithFault(opened.error());
  const FoundStore& found = folder_.found();
  config_.features = found.features;
  if (found.plan) config_.store.shard_bytes = found.plan->shard_target_bytes;
  if (found.index) config_.store.shard_bytes = found.index->shard_target_bytes;
  return true;
}

// Only the plan of a new store keeps chunks: that of an existing one needs the
// facts of files, which chunks do not have.
bool ExtractRun::OpenChunks() {
  if (!only_plans_ || !folder_.found().is_empty()) return true;
  if (!HasManyChunks(config_) &&
      !FindFile(folder_.found().files, kPlanFolder)) {
    return true;
  }
  CheckInputFiles(config_);
  Result<void> done = folder_.Claim();
  if (done.ok()) done = chunks_.emplace(config_).Open();
  report_.chunks.emplace();
  return done.ok() || EndWithFault(done.error());
}

bool ExtractRun::MakePlan() {
  Result<BuiltPlan> built = BuildPlan(config_, folder_.ExistingFolder(),
                                      control_, chunks_ ? &*chunks_ : nullptr);
  report_.plan_seconds = stopwatch_.seconds();
  if (!MayGoOn()) return false;
  if (!built.ok()) return EndWithFault(built.error());
  plan_ = std::move(built.value().plan);
  files_ = std::move(built.value().files);
  report_.plan = std::move(built.value().report);
  if (report_.chunks) {
    report_.chunks->num_lines = report_.plan->num_lines();
    report_.chunks->num_known_lines = built.value().num_known_lines;
  }
  report_.log_mel = config_.features.log_mel();
  report_.num_shards_planned = plan_->shards.size();
  report_.rejects = report_.plan->rejects;
  report_.num_rejected = SumCounts(report_.rejects);
  const Result<void> usable = CheckInput(*plan_, *report_.plan, config_);
  return usable.ok() || EndWithFault(usable.error());
}

bool ExtractRun::CheckRejects() {
  if (config_.max_rejects.Allows(report_.num_rejected,
                                 report_.plan->num_lines())) {
    return true;
  }
  return EndWith(RunStatus::kTooManyRejects);
}

// A RowWatch is needed: a rejected row whose file has changed may crash the
// program now.
Result<ShardCheck> ExtractRun::CheckShards() {
  const Result<Suspects> suspects = ReadAllSuspects(config_.store.folder);
  if (!suspects.ok()) return suspects.error();
  const RowWatch watch(WatchOptions(config_.store.folder, *plan_,
                                    config_.resources.hang_seconds, *control_));
  const auto& index = folder_.found().index;
  return melmill::CheckShards({.work = work(),
                               .folder = config_.store.folder,
                               .index = index ? &*index : nullptr,
                               .read_features = config_.store.verify_resume,
                               .processor = *processor_,
                               .suspects = suspects.value(),
                               .hang_seconds = config_.resources.hang_seconds,
                               .control = control_});
}

Result<void> ExtractRun::LoadLocalFile() {
  if (local_ != nullptr) return {};
  Result<std::unique_ptr<LocalFile>> local =
      LocalFile::Load(config_.store.folder + '/' + kLocalFile);
  if (!local.ok()) return local.error();
  local_ = std::move(local).value();
  return {};
}

// Compares existing shards with the audio as it is now. Shards that differ will
// be rebuilt.
bool ExtractRun::CompareAudio() {
  if (shards_.kept.empty()) return true;
  const Result<void> loaded = LoadLocalFile();
  if (!loaded.ok()) return EndWithFault(loaded.error());
  Result<AudioChange> change =
      FindChangedAudio({.work = work(),
                        .files = *files_,
                        .folder = config_.store.folder,
                        .shards = shards_.kept,
                        .check = config_.store.audio_check,
                        .num_io_threads = config_.resources.num_io_threads,
                        .local = local_.get(),
                        .control = control_});
  if (!MayGoOn()) return false;
  if (!change.ok()) return EndWithFault(change.error());
  audio_ = std::move(change).value();
  if (audio_.num_unknown_rows > 0) {
    report_.notes.push_back(fmt::format(
        "the audio of {} rows may have changed since the store was made, and "
        "this machine has no record of it: --rehash reads and compares it",
        audio_.num_unknown_rows));
  }
  for (const auto& [shard, checksums] : audio_.shards) {
    shards_.kept.erase(shard);
    shards_.to_make.push_back(shard);
  }
  std::sort(shards_.to_make.begin(), shards_.to_make.end());
  return true;
}

// Compares plan and folder. Returns true if there is something to do and it is
// allowed.
bool ExtractRun::CheckStore() {
  const Plan& plan = *plan_;
  const FoundStore& found = folder_.found();
  CheckNothingIsInTheWay(found, plan, config_.store.folder);
  processor_.emplace(config_.features);
  Result<ShardCheck> shards = CheckShards();
  if (!MayGoOn()) return false;
  if (!shards.ok()) return EndWithFault(shards.error());
  shards_ = std::move(shards).value();
  RequireFeatures(shards_, config_.store.folder);
  if (!CompareAudio()) return false;
  report_.num_shards_kept = shards_.kept.size();
  report_.damages = found.damages;
  report_.damages.insert(report_.damages.end(), shards_.damages.begin(),
                         shards_.damages.end());
  if (found.is_empty()) return true;

  const bool same_plan = found.index
                             ? found.index->plan == ToHex(plan.fingerprint)
                             : found.plan->fingerprint == plan.fingerprint;
  const bool is_followed = !found.index || shards_.num_rejects_changed == 0;
  if (same_plan && is_followed && audio_.shards.empty()) {
    Result<bool> all_whole = false;
    if (found.index) {
      all_whole = CheckOtherFiles(found, config_.store.folder,
                                  config_.store.verify_resume, *control_,
                                  &report_.damages);
    }
    if (!MayGoOn()) return false;
    if (!all_whole.ok()) return EndWithFault(all_whole.error());
    if (!all_whole.value() || !shards_.to_make.empty()) return true;
    // A killed run may have named store.json without syncing the folder.
    const Result<void> synced = SyncFolder(config_.store.folder);
    if (!synced.ok()) return EndWithFault(synced.error());
    report_.store = found.index;
    AddRejects(shards_.still_rejected, &report_.rejects);
    report_.num_rejected = SumCounts(report_.rejects);
    CleanUp();
    return EndWith(RunStatus::kNothingToDo);
  }
  PlanChange change;
  change.is_compared = same_plan || found.plan.has_value();
  if (!same_plan && found.plan) {
    const Result<PlanChange> compared = ComparePlans(*found.plan, plan);
    if (!compared.ok()) return EndWithFault(compared.error());
    change = compared.value();
  }
  change.num_rejects_changed = shards_.num_rejects_changed;
  change.audio = audio_.changed;
  change.num_shards_kept = shards_.kept.size();
  change.num_shards_to_make = shards_.to_make.size();
  report_.change = change;
  return config_.store.update || EndWith(RunStatus::kNeedsUpdate);
}

// Sets the counts that are reported if the run ends early.
void ExtractRun::CountShards() {
  report_.num_shards_left = shards_.to_make.size();
  control_->shards_kept = shards_.kept.size();
  control_->shards_made = 0;
  control_->shards_in_all = shards_.kept.size() + shards_.to_make.size();
}

// Announces what will be done, and refuses if the disk has too little space.
void ExtractRun::PrepareExtraction() {
  folder_.RemoveDeadRunsFiles(&report_.notes);
  RequireOpenFiles(MaxOpenFilesOfExtraction(config_, shards_.to_make.size()));
  const std::string folder = folder_.ExistingFolder();
  const PlanNotice notice =
      MakeNotice(report_, work(), shards_.to_make, folder);
  // Parts may be made elsewhere, and at any time.
  if (!only_plans_) CheckDiskSpace(notice.bytes_to_write, folder);
  if (control_->on_planned) control_->on_planned(notice);
}

// Creates `.local` before any shard is made. An existing shard that it does not
// know is then one whose run was killed.
Result<void> ExtractRun::StartLocalFile() {
  Result<void> done = LoadLocalFile();
  if (done.ok() && !config_.store.command.empty()) {
    done = local_->SetOrigin(FormatOrigin(MakeOrigin(config_)));
  }
  if (!done.ok() || local_->exists()) return done;
  std::set<ShardId> kept;
  for (const auto& [shard, committed] : shards_.kept) {
    kept.insert({plan_->shards[shard].fingerprint, committed.checksum});
  }
  return local_->Rewrite({}, kept);
}

bool ExtractRun::WritePlan() {
  Result<void> done = folder_.Claim();
  // A new plan would forget the dispute, and may keep the shard.
  if (done.ok()) done = RequireNoDispute(config_.store.folder);
  if (!done.ok()) return EndWithFault(done.error());
  done = RemoveReplacedFiles(folder_.found(), *plan_, shards_.to_make,
                             config_.store.folder);
  if (done.ok()) done = StartLocalFile();
  if (done.ok()) {
    done = WritePlanFile(*plan_, config_.store.folder + '/' + kPlanFile,
                         FindFile(folder_.found().files, kPlanFile));
  }
  return done.ok() || EndWithFault(done.error());
}

// Whether an unfinished store has this plan. Its shards are then those of
// parts, which the finish checks.
bool ExtractRun::HasSamePlan() const {
  const FoundStore& found = folder_.found();
  return !found.index && found.plan &&
         found.plan->fingerprint == plan_->fingerprint;
}

void ExtractRun::WriteJob() {
  report_.num_shards_left = plan_->shards.size();
  const Result<void> written =
      WriteJobFile(config_, *plan_, *report_.plan, folder_.found());
  if (!written.ok()) {
    EndWithFault(written.error());
    return;
  }
  const Result<void> removed = RemovePlanChunks(config_.store.folder);
  if (!removed.ok()) report_.notes.push_back(removed.error().message);
  EndWith(RunStatus::kPlanWritten);
}

bool ExtractRun::ExtractShards() {
  control_->lines_rejected = report_.num_rejected;
  extracted_ = MakeShards({.work = work(),
                           .processor = *processor_,
                           .shards = shards_.to_make,
                           .config = config_,
                           .control = control_,
                           .local = local_.get()},
                          &report_);
  if (extracted_.fault) return EndWithFault(*extracted_.fault);
  return MayGoOn();
}

void ExtractRun::Finish() {
  control_->phase = RunControl::Phase::kFinish;
  std::map<size_t, ShardWriter::Committed> shards = std::move(shards_.kept);
  shards.merge(extracted_.committed);
  const Result<void> checked =
      CheckRemadeShards(work(), config_.store.folder, audio_);
  if (!checked.ok()) {
    EndWithFault(checked.error());
    return;
  }
  Result<FinishedStore> finished = FinishStore(
      work(), report_.plan->splits, files_.get(), config_.store.folder, shards);
  Result<void> done =
      finished.ok() ? AddFinishedStore(std::move(finished).value(), &report_)
                    : Result<void>(finished.error());
  if (!done.ok()) {
    EndWithFault(done.error());
    return;
  }
  CleanUp();
  EndWith(RunStatus::kFinished);
}

void ExtractRun::MakeStore() {
  CountShards();
  if (!MayGoOn()) return;
  PrepareExtraction();
  if (!WritePlan()) return;
  if (only_plans_) return WriteJob();
  if (ExtractShards()) Finish();
}

RunReport ExtractRun::Run() {
  CheckConfig(config_);
  RequireOpenFiles(MaxOpenFilesOfPlan(config_));
  RequireThreads(config_);
  if (OpenFolder() && OpenChunks() && MakePlan() && CheckRejects()) {
    if (only_plans_ && HasSamePlan()) {
      folder_.RemoveDeadRunsFiles(&report_.notes);
      WriteJob();
    } else if (CheckStore()) {
      MakeStore();
    }
  }
  if (report_.store) {
    report_.store_bytes = StoreBytes(*report_.store);
  } else if (report_.plan) {
    report_.store_bytes = PlannedBytes(work());
  }
  folder_.TellOfLocks(&report_.notes);
  report_.total_seconds = stopwatch_.seconds();
  return std::move(report_);
}

}  // namespace

RunReport RunExtract(const RunConfig& config, RunControl* control) {
  return ExtractRun(config, /*only_plans=*/false, control).Run();
}

RunReport RunPlan(const RunConfig& config, RunControl* control) {
  CheckManifestsStay(config);
  return ExtractRun(config, /*only_plans=*/true, control).Run();
}

}  // namespace melmill
