#include "tools/melmill/report/summary_text.h"

#include <gtest/gtest.h>

#include <string>

#include "tools/melmill/report/settings_text.h"
#include "tools/melmill/report/warnings_text.h"

namespace melmill {
namespace {

RunReport Report(RunStatus status) {
  RunReport report;
  report.status = status;
  return report;
}

RunConfig Config() {
  RunConfig config;
  config.store.folder = "out";
  return config;
}

std::string LastLine(std::string text) {
  EXPECT_TRUE(text.ends_with('\n')) << text;
  if (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

// A finished run with 10 lines, some of them rejected.
RunReport Finished(uint64_t num_rejected) {
  RunReport report = Report(RunStatus::kFinished);
  report.store.emplace().splits.push_back({.name = "train"});
  report.store->splits[0].accepted.file = "train.accepted.jsonl";
  report.plan.emplace().splits.push_back({.name = "train", .num_lines = 10});
  for (uint64_t i = 0; i < num_rejected; ++i) {
    report.rejects[RejectCode::kForeignFormat].Add(
        {"train", i + 1, "a.wav", ""}, "FLAC");
  }
  report.num_rejected = num_rejected;
  return report;
}

TEST(SummaryTextTest, ASummaryEndsWithWhatToDoNext) {
  RunReport planned = Report(RunStatus::kPlanned);
  planned.plan.emplace();
  EXPECT_EQ(LastLine(FormatSummary(planned, Config())), "all lines are good");
  EXPECT_EQ(LastLine(FormatSummary(Finished(0), Config())),
            "train on out/train.accepted.jsonl");
  EXPECT_EQ(FormatProblem(Finished(0), Config()), "");
}

TEST(SummaryTextTest, AValidationWithWarningsDoesNotSayThatAllIsGood) {
  RunReport planned = Report(RunStatus::kPlanned);
  planned.plan.emplace();
  planned.plan->warnings[Warning::kLeak].Add({"eval", 1, "a.wav", ""});
  EXPECT_EQ(LastLine(FormatSummary(planned, Config())),
            "all lines can be stored; see the 1 warning above");
}

TEST(SummaryTextTest, WarningsOfThePlanAndOfTheExtractionAreApart) {
  RunReport report = Finished(0);
  report.notes.push_back("no locks");
  report.plan->warnings[Warning::kLeak].Add({"eval", 1, "a.wav", ""});
  report.plan->warnings[Warning::kCopyLeak].Add({"eval", 2, "b.wav", "c.wav"});
  const std::string early = FormatPlanWarnings(*report.plan);
  EXPECT_NE(early.find("eval line 1: a.wav\n"), std::string::npos) << early;
  EXPECT_EQ(early.find("b.wav"), std::string::npos) << early;
  const std::string late = FormatWarnings(report);
  EXPECT_EQ(late.find("a.wav"), std::string::npos) << late;
  EXPECT_NE(late.find("warning: no locks\n"), std::string::npos) << late;
  EXPECT_NE(late.find("eval line 2: b.wav is a copy of c.wav\n"),
            std::string::npos)
      << late;
}

TEST(SummaryTextTest, ASplitThatIsNoLongerGivenIsNamed) {
  RunReport report = Report(RunStatus::kNeedsUpdate);
  report.change.emplace().gone_splits = {"eval"};
  EXPECT_NE(FormatSummary(report, Config()).find("split eval is no longer"),
            std::string::npos);
}

TEST(SummaryTextTest, RejectsWithinTheLimitAreCountedOnTheLastLine) {
  const std::string text = FormatSummary(Finished(1), Config());
  EXPECT_EQ(LastLine(text),
            "1 of 10 lines rejected (10 %); out/rejects.jsonl has the reasons");
  EXPECT_EQ(FormatProblem(Finished(1), Config()), "");
}

TEST(SummaryTextTest, RejectsAboveTheLimitSayWhatGoesOn) {
  EXPECT_EQ(FormatProblem(Finished(2), Config()),
            "error: 2 of 10 lines rejected (20 %), more than --max-rejects 1% "
            "(the default) allows; the store is complete without these lines\n"
            "  most of them: 2 not_wav (FLAC)\n"
            "  to accept them: --max-rejects 2\n");
  RunReport refused = Finished(2);
  refused.status = RunStatus::kTooManyRejects;
  refused.store.reset();
  RunConfig config = Config();
  config.max_rejects = {.value = 1, .is_percent = false, .at_least = 0};
  const std::string text = FormatProblem(refused, config);
  EXPECT_NE(text.find("more than --max-rejects 1 allows; nothing was"),
            std::string::npos)
      << text;
}

TEST(SummaryTextTest, AChangedInputNamesTheFlag) {
  const std::string text =
      FormatProblem(Report(RunStatus::kNeedsUpdate), Config());
  EXPECT_EQ(LastLine(text), "  --update applies the changes");
}

TEST(SummaryTextTest, AStoppedRunSaysOnlyWhatIsKept) {
  RunReport stopped = Finished(2);
  stopped.status = RunStatus::kStopped;
  stopped.num_shards_made = 1;
  stopped.num_shards_kept = 1;
  stopped.num_shards_left = 2;
  EXPECT_EQ(FormatSummary(stopped, Config()), "");
  EXPECT_EQ(FormatProblem(stopped, Config()),
            "2 of 4 shards kept; run the same command to resume.\n");
}

TEST(SummaryTextTest, AFaultSaysWhatAndHowToResume) {
  RunReport report = Report(RunStatus::kMachineFault);
  report.fault = Error{ErrorCode::kMachineFault, "disk\n full"};
  report.num_shards_left = 1;
  const std::string text = FormatProblem(report, Config());
  EXPECT_NE(text.find("error: disk"), std::string::npos);
  EXPECT_EQ(text.find("disk\n"), std::string::npos);  // shown on one line
  EXPECT_NE(text.find("0 of 1 shard kept"), std::string::npos);
}

TEST(SummaryTextTest, TheFeaturesAreNamedByTheirModels) {
  EXPECT_EQ(DescribeFeatures(MakeFeatureSpec()),
            "features for Qwen3-ASR and Whisper large-v3 (128 mels), float16");
}

TEST(SummaryTextTest, ADamagedRowIsNamedByItsLineAndAudio) {
  EXPECT_EQ(DescribeDamage({.file = "a.h5", .what = "is missing"}),
            "a.h5: is missing");
  EXPECT_EQ(DescribeDamage({.file = "a.h5",
                            .split = "train",
                            .line = 7,
                            .audio = "x.wav",
                            .what = "row 3 is damaged"}),
            "a.h5: row 3 is damaged (train line 7: x.wav)");
}

TEST(SummaryTextTest, TheNoticeSaysWhatWillBeMade) {
  PlanNotice notice;
  notice.num_lines = 10;
  notice.num_rejected = 1;
  notice.num_samples = 16000 * 1800;
  notice.sample_rate_hz = 16000;
  notice.num_shards_to_make = 1;
  notice.bytes_to_write = 2'000'000;
  EXPECT_EQ(FormatNotice(notice),
            "planned 9 of 10 lines, 0.50 h; 1 shard to make, 2.0 MB\n");
  notice.free_bytes = 5'000'000;
  EXPECT_NE(FormatNotice(notice).find(" of 5.0 MB free"), std::string::npos);
}

}  // namespace
}  // namespace melmill
