#include "pipeline/run/validate.h"

#include <string>
#include <utility>

#include "pipeline/plan/plan_builder.h"
#include "pipeline/run/input_check.h"
#include "pipeline/run/report_parts.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/resource_limits.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/stopwatch.h"
#include "pipeline/setup/temporary_folder.h"

namespace melmill {
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
  const Result<void> usable = CheckInput(work.plan, *report.plan, config);
  report.rejects = report.plan->rejects;
  report.num_rejected = SumCounts(report.rejects);
  report.store_bytes = PlannedBytes(work);
  const Result<void> listed =
      usable.ok() ? ListRejectedLines(work.plan, &report) : usable;
  if (!listed.ok()) {
    report.fault = listed.error();
    report.status = RunStatus::kMachineFault;
  }
  return report;
}

}  // namespace melmill
