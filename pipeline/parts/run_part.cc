#include "pipeline/parts/run_part.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/folder/doubts_file.h"
#include "pipeline/folder/job_file.h"
#include "pipeline/folder/machine.h"
#include "pipeline/folder/other_maker.h"
#include "pipeline/parts/disputes.h"
#include "pipeline/parts/doubt_judge.h"
#include "pipeline/parts/part_config.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/run/make_shards.h"
#include "pipeline/run/report_parts.h"
#include "pipeline/setup/byte_size.h"
#include "pipeline/setup/cpu_count.h"
#include "pipeline/setup/resource_limits.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "pipeline/setup/stopwatch.h"
#include "store/shard/shard_writer.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

// One run of RunPart, step by step.
class PartRun {
 public:
  PartRun(const RunConfig& config, const PartChoice& choice,
          RunControl* control)
      : config_(config), choice_(choice), control_(control) {
    if (config_.resources.num_threads == 0)
      config_.resources.num_threads = AvailableCpus();
  }

  RunReport Run();

 private:
  const std::string& folder() const { return config_.store.folder; }
  PlannedWork work() const {
    return {*plan_, config_.features, config_.input.audio_root};
  }
  bool Lock();
  bool Choose();
  bool MakeRoom();
  bool NoteMachine();
  bool Extract();
  void End();
  bool EndWithFault(const Error& error);

  RunConfig config_;
  const PartChoice& choice_;
  RunControl* control_;
  RunReport report_;
  const Stopwatch stopwatch_;
  std::optional<FileLock> lock_;
  std::optional<Plan> plan_;
  std::vector<size_t> to_make_;
};

bool PartRun::EndWithFault(const Error& error) {
  report_.fault = NameMakers(error, folder(), ThisMachine());
  report_.status = RunStatus::kMachineFault;
  return false;
}

// Whoever plans, finishes, updates or repairs excludes parts.
bool PartRun::Lock() {
  Result<FileLock> lock = LockStore(folder(), LockKind::kShared);
  if (!lock.ok()) return EndWithFault(lock.error());
  lock_ = std::move(lock).value();
  if (!lock_->is_held()) {
    report_.notes.push_back(fmt::format(
        "the file system of {} has no locks: make sure that melmill finish "
        "starts only when all parts have ended",
        folder()));
  }
  return true;
}

// Returns true if there is something to make. A final name means a whole file,
// so names are enough here; the finish reads them all.
bool PartRun::Choose() {
  plan_ = ReadPlanOfFolder(folder());
  if (plan_->contract != config_.features.Contract() ||
      plan_->producer != config_.features.Producer()) {
    return EndWithFault(
        {ErrorCode::kMachineFault, folder() + " was planned anew meanwhile"});
  }
  const std::vector<size_t> chosen = choice_.Choose(*plan_);
  const Result<std::vector<std::string>> names = ListFolder(folder());
  if (!names.ok()) return EndWithFault(names.error());
  const bool is_complete = IsComplete(folder(), *plan_);
  // Also of a part without shards: so a machine can be tried beforehand.
  if (!is_complete) {
    CheckCanary(ReadJobOfPlan(folder(), *plan_), config_.features);
    to_make_ = MissingShards(chosen, *plan_, names.value());
  }
  report_.num_shards_planned = chosen.size();
  report_.num_shards_kept = chosen.size() - to_make_.size();
  report_.num_shards_left = to_make_.size();
  control_->shards_kept = report_.num_shards_kept;
  control_->shards_in_all = chosen.size();
  if (!to_make_.empty()) return true;
  report_.status = RunStatus::kPartDone;
  return false;
}

// Removes what dead processes left if the disk has too little space otherwise.
bool PartRun::MakeRoom() {
  uint64_t num_bytes = 0;
  for (const size_t i : to_make_) {
    num_bytes += EstimateShardBytes(work().SpecOf(plan_->shards[i]));
  }
  std::optional<uint64_t> free_bytes = FreeBytes(folder());
  if (!free_bytes || num_bytes <= *free_bytes) return true;
  const Result<SeenFiles> files = SeeFiles(folder());
  if (!files.ok()) return EndWithFault(files.error());
  const Result<void> removed =
      RemoveTemporaryFiles(folder(), files.value(), /*is_locked=*/false);
  if (!removed.ok()) report_.notes.push_back(removed.error().message);
  free_bytes = FreeBytes(folder());
  if (!free_bytes || num_bytes <= *free_bytes) return true;
  return EndWithFault({ErrorCode::kMachineFault,
                       fmt::format("the part needs {} more and {} has {} free",
                                   FormatBytes(num_bytes), folder(),
                                   FormatBytes(*free_bytes))});
}

// A row is not rejected on the word of one machine where others work. What is
// made here was moved away if it was disputed.
bool PartRun::NoteMachine() {
  Result<void> noted = WriteWorker(folder(), ThisMachine());
  if (noted.ok()) noted = RemoveSettledDisputes(folder());
  return noted.ok() || EndWithFault(noted.error());
}

bool PartRun::Extract() {
  const RowComputer computer(config_.features);
  const ExtractOutcome made =
      MakeShards({.work = work(),
                  .processor = computer,
                  .shards = to_make_,
                  .config = config_,
                  .control = control_,
                  .may_reject =
                      [this](const Doubt& doubt) {
                        report_.doubts.push_back(DescribeDoubt(*plan_, doubt));
                        return false;
                      }},
                 &report_);
  report_.num_rejected = made.num_rejected;
  if (!report_.doubts.empty()) {
    const Result<void> written = WriteDoubts(folder(), report_.doubts);
    if (!written.ok()) report_.notes.push_back(written.error().message);
  }
  NoteDisputes(made, *plan_, folder(), &report_.notes);
  return !made.fault || EndWithFault(*made.fault);
}

void PartRun::End() {
  if (control_->stop_requested()) {
    report_.status = RunStatus::kStopped;
  } else {
    report_.status =
        report_.doubts.empty() ? RunStatus::kPartDone : RunStatus::kDoubtful;
  }
}

RunReport PartRun::Run() {
  report_.log_mel = config_.features.log_mel();
  if (Lock() && Choose()) {
    RequireOpenFiles(MaxOpenFilesOfExtraction(config_, to_make_.size()));
    RequireThreads(config_);
    if (MakeRoom() && NoteMachine() && Extract()) End();
  }
  report_.total_seconds = stopwatch_.seconds();
  return std::move(report_);
}

}  // namespace

RunReport RunPart(const RunConfig& config, const PartChoice& choice,
                  RunControl* control) {
  return PartRun(config, choice, control).Run();
}

}  // namespace melmill
