#include "pipeline/parts/run_plan_part.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "pipeline/folder/run_folder.h"
#include "pipeline/input/manifest_check.h"
#include "pipeline/lines/line_batches.h"
#include "pipeline/lines/line_faults.h"
#include "pipeline/lines/plan_chunks.h"
#include "pipeline/run/job.h"
#include "pipeline/setup/resource_limits.h"
#include "pipeline/setup/setup_error.h"
#include "pipeline/setup/stopwatch.h"

namespace melmill {
namespace {

// One run of RunPlanPart, step by step.
class PlanPartRun {
 public:
  PlanPartRun(const RunConfig& config, PartNumber part, RunControl* control)
      : config_(config), part_(part), control_(control) {}

  RunReport Run();

 private:
  Result<void> OpenFolder();
  Result<void> PlanLines();

  const RunConfig& config_;
  const PartNumber part_;
  RunControl* control_;
  RunReport report_;
  RunFolder folder_{config_};
  PlanChunks chunks_{config_};
};

Result<void> PlanPartRun::OpenFolder() {
  Result<void> done = folder_.Open();
  if (!done.ok()) return done;
  if (!folder_.found().is_empty()) {
    throw SetupError(fmt::format(
        "{} has a plan already: melmill plan without --part applies changes",
        config_.store.folder));
  }
  done = folder_.Claim(LockKind::kShared);
  if (done.ok()) done = chunks_.Open();
  if (done.ok()) folder_.TellOfLocks(&report_.notes);
  return done;
}

Result<void> PlanPartRun::PlanLines() {
  std::vector<SplitReport> splits = MakeSplitReports(config_.input);
  BatchReader reader(config_, &chunks_, part_, &splits);
  LineFaults faults;
  PlannedChunks& planned = report_.chunks.emplace();
  Result<void> done =
      PlanBatches(config_, &reader, &chunks_, control_, [&](LineBatch* batch) {
        for (const PlannedLine& line : batch->lines) {
          const Result<void> checked = faults.Check(line);
          if (!checked.ok()) return checked;
          if (!line.row.is_planned()) ++report_.num_rejected;
        }
        planned.num_lines += batch->lines.size();
        planned.num_known_lines += batch->num_known;
        return Result<void>();
      });
  planned.num_chunks = reader.num_chunks();
  return done;
}

RunReport PlanPartRun::Run() {
  const Stopwatch stopwatch;
  CheckConfig(config_);
  CheckManifestsStay(config_);
  CheckInputFiles(config_);
  RequireOpenFiles(MaxOpenFilesOfPlan(config_));
  RequireThreads(config_);
  Result<void> done = OpenFolder();
  if (done.ok()) done = PlanLines();
  report_.status = RunStatus::kPlanPartDone;
  if (!done.ok()) {
    report_.fault = done.error();
    report_.status = RunStatus::kMachineFault;
  }
  if (control_->stop_requested()) report_.status = RunStatus::kStopped;
  report_.plan_seconds = report_.total_seconds = stopwatch.seconds();
  return std::move(report_);
}

}  // namespace

RunReport RunPlanPart(const RunConfig& config, PartNumber part,
                      RunControl* control) {
  return PlanPartRun(config, part, control).Run();
}

}  // namespace melmill
