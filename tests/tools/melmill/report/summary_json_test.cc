#include "tools/melmill/report/summary_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "pipeline/setup/run_control.h"

namespace melmill {
namespace {

using nlohmann::json;

RunReport StoredHour() {
  RunReport report;
  report.status = RunStatus::kFinished;
  PlanReport& plan = report.plan.emplace();
  plan.splits.push_back({.name = "train",
                         .num_lines = 3,
                         .num_rejected = 1,
                         .num_samples = 16000 * 3600});
  plan.warnings[Warning::kLeak].Add({"eval", 1, "a.wav", "train"});
  report.rejects[RejectCode::kNotFound].Add(
      {"train", 2, "b.wav", "is missing"});
  report.num_rejected = 1;
  StoreIndex& store = report.store.emplace();
  store.splits.push_back({.name = "train",
                          .num_lines = 3,
                          .num_stored = 2,
                          .num_samples = 16000 * 3600});
  store.splits[0].accepted.file = "train.accepted.jsonl";
  report.num_frames_made = 360'000;
  report.total_seconds = 10;
  return report;
}

TEST(SummaryJsonTest, IsOneObjectOnOneLine) {
  const std::string text = FormatJsonReport(StoredHour(), "out", 3);
  ASSERT_EQ(text.find('\n'), text.size() - 1);
  const json report = json::parse(text);
  EXPECT_EQ(report["status"], "finished");
  EXPECT_EQ(report["exit_code"], 3);
  EXPECT_EQ(report["stored"], 2);
  EXPECT_EQ(report["hours"], 1.0);
  EXPECT_EQ(report["x_real_time"], 360.0);
  EXPECT_EQ(report["accepted"], json({"out/train.accepted.jsonl"}));
  EXPECT_FALSE(report.contains("error"));
}

TEST(SummaryJsonTest, PathsThatAreNoUtf8StillMakeJson) {
  RunReport report;
  report.status = RunStatus::kMachineFault;
  report.fault = Error{ErrorCode::kMachineFault, "\xff.wav"};
  const json parsed = json::parse(FormatJsonReport(report, "out", 4));
  EXPECT_EQ(parsed["error"], "\uFFFD.wav");
  EXPECT_EQ(parsed["status"], "machine_fault");
}

TEST(SummaryJsonTest, WhatEndsWithoutAReportSaysWhy) {
  const json setup = json::parse(FormatJsonSetupError("no manifest given"));
  EXPECT_EQ(setup["status"], "setup_error");
  EXPECT_EQ(setup["exit_code"], 2);
  EXPECT_EQ(setup["error"], "no manifest given");
  RunControl control;
  control.shards_in_all = 5;
  control.shards_kept = 1;
  control.shards_made = 2;
  const json fault = json::parse(FormatJsonFault("no memory", control));
  EXPECT_EQ(fault["exit_code"], 4);
  EXPECT_EQ(fault["shards_left"], 2);
  EXPECT_FALSE(json::parse(FormatJsonFault("x")).contains("shards_left"));
}

}  // namespace
}  // namespace melmill
