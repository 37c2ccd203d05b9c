#include "tools/melmill/exit_code.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "pipeline/setup/run_control.h"

namespace melmill {
namespace {

RunReport ReportOf(RunStatus status, uint64_t num_rejected = 0) {
  RunReport report;
  report.status = status;
  report.plan.emplace();
  report.plan->splits.push_back({.name = "train", .num_lines = 100});
  report.num_rejected = num_rejected;
  return report;
}

int CodeOf(RunStatus status) {
  return ExitCodeOf(ReportOf(status), RunConfig(), RunControl());
}

TEST(ExitCodeTest, EachStatusHasItsOwn) {
  EXPECT_EQ(CodeOf(RunStatus::kPlanned), 0);
  EXPECT_EQ(CodeOf(RunStatus::kFinished), 0);
  EXPECT_EQ(CodeOf(RunStatus::kNothingToDo), 0);
  EXPECT_EQ(CodeOf(RunStatus::kNeedsUpdate), 2);
  EXPECT_EQ(CodeOf(RunStatus::kTooManyRejects), 3);
  EXPECT_EQ(CodeOf(RunStatus::kMachineFault), 4);
}

TEST(ExitCodeTest, AStopAddsTheSignalsNumber) {
  RunControl control;
  control.RequestStop(SIGTERM);
  EXPECT_EQ(ExitCodeOf(ReportOf(RunStatus::kStopped), RunConfig(), control),
            128 + SIGTERM);
}

TEST(ExitCodeTest, RejectsAboveTheLimitAreThree) {
  RunConfig config;
  const RunReport report = ReportOf(RunStatus::kFinished, 5);
  EXPECT_EQ(ExitCodeOf(report, config, RunControl()), 3);
  config.max_rejects =
      MaxRejects{.value = 5, .is_percent = true, .at_least = 0};
  EXPECT_EQ(ExitCodeOf(report, config, RunControl()), 0);
  config.max_rejects =
      MaxRejects{.value = 4, .is_percent = false, .at_least = 0};
  EXPECT_EQ(ExitCodeOf(report, config, RunControl()), 3);
}

}  // namespace
}  // namespace melmill
