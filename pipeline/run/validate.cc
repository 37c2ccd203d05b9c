#include "pipeline/run/validate.h"

#include <string>
#include <utility>

#include "pipeline/input/input_check.h"
#include "pipeline/plan/plan_builder.h"
#include "pipeline/plan/speed_estimate.h"
#include "pipeline/run/report_parts.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/cpu_count.h"
#include "pipeline/setup/resource_limits.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/stopwatch.h"
#include "pipeline/setup/temporary_folder.h"
#include "store/plan/plan_row.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

// Where the store would be, or the working directory.
std::string FolderOfStore(const RunConfig& config) {
  return config.store.folder.empty() ? "." : ParentFolder(config.store.folder);
}

Result<void> ListRejectedLines(const Plan& plan, const RunControl& control) {
  if (!control.on_rejected) return {};
  return ForEachPlanRow(
      *plan.rows, 0, plan.rows->num_rows(),
      [&](uint64_t, const PlanRow& row) -> Result<void> {
        if (row.is_planned()) return {};
        control.on_rejected({plan.split_names[row.split], row.line, row.audio,
                             row.code, row.message});
        return {};
      });
}

}  // namespace

RunReport RunValidate(const RunConfig& config, RunControl* control) {
  const Stopwatch stopwatch;
  CheckConfig(config);
  RequireOpenFiles(MaxOpenFilesOfPlan(config));
  RequireThreads(config);
  RunReport report;
  Result<BuiltPlan> built = BuildPlan(config, TemporaryFolder(), control);
  report.plan_seconds = report.total_seconds = stopwatch.seconds();
  if (!built.ok()) {
    report.fault = built.error();
    report.status = control->stop_requested() ? RunStatus::kStopped
                                              : RunStatus::kMachineFault;
    return report;
  }
  const PlannedWork work = {built.value().plan, config.features,
                            config.input.audio_root};
  report.plan = std::move(built.value().report);
  report.log_mel = config.features.log_mel();
  report.num_shards_planned = work.plan.shards.size();
  Result<void> checked = ListRejectedLines(work.plan, *control);
  if (checked.ok()) checked = CheckInput(work.plan, *report.plan, config);
  report.rejects = report.plan->rejects;
  report.num_rejected = SumCounts(report.rejects);
  report.store_bytes = PlannedBytes(work);
  report.free_bytes = FreeBytes(FolderOfStore(config)).value_or(0);
  report.num_threads = AvailableCpus();
  if (config.resources.num_threads > 0) {
    report.num_threads =
        std::min(report.num_threads, config.resources.num_threads);
  }
  report.estimated_seconds =
      EstimateSeconds(config.features, *report.plan, report.num_threads);
  if (!checked.ok()) {
    report.fault = checked.error();
    report.status = RunStatus::kMachineFault;
  }
  return report;
}

}  // namespace melmill
