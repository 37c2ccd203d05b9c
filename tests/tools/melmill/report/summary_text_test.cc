#include "tools/melmill/report/summary_text.h"

#include <gtest/gtest.h>

#include <string>

namespace melmill {
namespace {

RunReport Report(RunStatus status) {
  RunReport report;
  report.status = status;
  return report;
}

// The last line, which says what to do next.
std::string LastLine(const RunReport& report) {
  std::string text = FormatSummary(report, "out");
  EXPECT_TRUE(text.ends_with('\n'));
  text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

TEST(SummaryTextTest, EndsWithWhatToDoNext) {
  RunReport stopped = Report(RunStatus::kStopped);
  stopped.num_shards_made = 1;
  stopped.num_shards_kept = 1;
  stopped.num_shards_left = 2;
  EXPECT_EQ(LastLine(stopped),
            "2 of 4 shards kept; run the same command to resume.");
  EXPECT_EQ(LastLine(Report(RunStatus::kPlanned)), "all lines are good");
  EXPECT_NE(LastLine(Report(RunStatus::kNeedsUpdate)).find("--update"),
            std::string::npos);
  RunReport finished = Report(RunStatus::kFinished);
  finished.store.emplace().splits.push_back({.name = "train"});
  finished.store->splits[0].accepted.file = "train.accepted.jsonl";
  finished.plan.emplace();
  EXPECT_EQ(LastLine(finished), "train on out/train.accepted.jsonl");
}

TEST(SummaryTextTest, AFaultSaysWhatAndHowToResume) {
  RunReport report = Report(RunStatus::kMachineFault);
  report.fault = Error{ErrorCode::kMachineFault, "disk\n full"};
  report.num_shards_left = 1;
  const std::string text = FormatSummary(report, "out");
  EXPECT_NE(text.find("error: disk"), std::string::npos);
  EXPECT_EQ(text.find("disk\n"), std::string::npos);  // shown on one line
  EXPECT_NE(text.find("0 of 1 shard kept"), std::string::npos);
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
