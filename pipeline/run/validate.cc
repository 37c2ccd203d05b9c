#include "pipeline/run/validate.h"

#include <cstdlib>
#include <string>
#include <utility>

#include "pipeline/plan/plan_builder.h"
#include "pipeline/run/report_parts.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/resource_limits.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/stopwatch.h"

namespace melmill {
namespace {

std::string TemporaryFolder() {
  const char* folder = std::getenv("TMPDIR");
  return folder == nullptr || *folder == '\0' ? "/tmp" : folder;
}

}  // namespace

RunReport RunValidate(const RunConfig& config, RunControl* control) {
  const Stopwatch stopwatch;
  CheckConfig(config);
  RequireOpenFiles(MaxOpenFilesOfPlan(config));
  RequireThreads(config);
  RunReport report;
  Result<Plan> plan = BuildPlan(config, TemporaryFolder(), control);
  report.plan_seconds = report.total_seconds = stopwatch.seconds();
  if (!plan.ok()) {
    report.fault = plan.error();
    report.status = control->stop_requested() ? RunStatus::kStopped
                                              : RunStatus::kMachineFault;
    return report;
  }
  report.plan = std::move(plan).value();
  CheckAnyPlanned(*report.plan);
  report.rejects = report.plan->rejects;
  report.num_rejected = SumCounts(report.rejects);
  report.store_bytes = PlannedBytes(*report.plan);
  const Result<void> listed = ListRejectedLines(&report);
  if (!listed.ok()) {
    report.fault = listed.error();
    report.status = RunStatus::kMachineFault;
  }
  return report;
}

}  // namespace melmill
