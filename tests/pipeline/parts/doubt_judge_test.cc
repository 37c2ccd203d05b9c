#include "pipeline/parts/doubt_judge.h"

#include <gtest/gtest.h>

namespace melmill {
namespace {

const Machine kHere = {.host = "here", .boot_id = "1"};
const Machine kSinceReboot = {.host = "here", .boot_id = "2"};
const Machine kOther = {.host = "other", .boot_id = "1"};

DoubtfulRow Row(uint64_t line, const Machine& machine) {
  return {.shard = "a", .split = "train", .line = line, .machine = machine};
}

TEST(DoubtJudgeTest, OneMachineRejectsWhatItCannotRead) {
  const DoubtJudge judge(kHere, {kHere}, {Row(1, kHere)});
  EXPECT_TRUE(judge.MayReject(Row(1, kHere)));
  EXPECT_TRUE(judge.MayReject(Row(2, kHere)));
}

TEST(DoubtJudgeTest, WhereOthersWorkTwoMustFailToReadARow) {
  const DoubtJudge judge(kHere, {kHere}, {Row(1, kHere), Row(2, kOther)});
  EXPECT_FALSE(judge.MayReject(Row(1, kHere)));
  EXPECT_TRUE(judge.MayReject(Row(2, kHere)));
  // The other row of the shard says nothing of this one.
  EXPECT_FALSE(judge.MayReject(Row(3, kHere)));
}

TEST(DoubtJudgeTest, AMachineWithoutDoubtsCounts) {
  const DoubtJudge judge(kHere, {kHere, kOther}, {Row(1, kHere)});
  EXPECT_FALSE(judge.MayReject(Row(1, kHere)));
}

TEST(DoubtJudgeTest, AMachineThatStartedAnewIsAnother) {
  const DoubtJudge judge(kHere, {kSinceReboot}, {});
  EXPECT_FALSE(judge.MayReject(Row(1, kHere)));
}

TEST(DoubtJudgeTest, ALineOfAnotherSplitIsAnotherRow) {
  DoubtfulRow row = Row(1, kOther);
  row.split = "eval";
  const DoubtJudge judge(kHere, {kHere}, {row});
  EXPECT_FALSE(judge.MayReject(Row(1, kHere)));
}

}  // namespace
}  // namespace melmill
