#include "bench/case.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace melmill {
namespace {

bool NeverStop() { return false; }

// A case that logs its calls as letters. If `prepare` is 0, it has no
// preparation.
BenchCase LoggedCase(char pass, char prepare, bool passes, std::string* log) {
  BenchCase result;
  result.check = [passes] { return BenchCheck{passes, "checked"}; };
  if (prepare != 0) result.prepare = [=] { *log += prepare; };
  result.pass = [=](size_t clip) {
    *log += pass;
    if (clip > 0) *log += std::to_string(clip);
    // This takes longer than a round must, so the pass is not repeated.
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start <
           std::chrono::milliseconds(25)) {
    }
  };
  return result;
}

TEST(BenchCaseTest, TakesTurnsAfterARoundThatDoesNotCount) {
  std::string log;
  std::vector<BenchCase> cases = {LoggedCase('a', 0, true, &log),
                                  LoggedCase('b', 'B', true, &log)};
  EXPECT_EQ(RunCases(2, NeverStop, cases).size(), 3u);
  EXPECT_EQ(log, "aaBbaaBbaaBb");
  for (const BenchCase& bench_case : cases) {
    ASSERT_EQ(bench_case.seconds.size(), 2u);
    EXPECT_GE(bench_case.seconds[0], 0.025);
    EXPECT_EQ(bench_case.checked.text, "checked");
  }
}

TEST(BenchCaseTest, CasesOfOneInputTakeTurnsClipByClip) {
  std::string log;
  std::vector<BenchCase> cases = {LoggedCase('a', 0, true, &log),
                                  LoggedCase('b', 0, true, &log),
                                  LoggedCase('c', 0, true, &log)};
  for (BenchCase& bench_case : cases) bench_case.num_clips = 2;
  cases[2].input = "other";
  RunCases(0, NeverStop, cases);
  // The first one of several fills the cache.
  EXPECT_EQ(log, "aaba1a1b1cc1");
}

TEST(BenchCaseTest, ARoundIsTheTimeOfAllClips) {
  std::string log;
  std::vector<BenchCase> cases = {LoggedCase('a', 0, true, &log)};
  cases[0].num_clips = 3;
  RunCases(1, NeverStop, cases);
  EXPECT_GE(cases[0].seconds.at(0), 0.075);
}

TEST(BenchCaseTest, NeitherRunsNorTimesWhatIsWrong) {
  std::string log;
  std::vector<BenchCase> cases = {LoggedCase('a', 0, false, &log),
                                  LoggedCase('b', 0, true, &log)};
  RunCases(1, NeverStop, cases);
  EXPECT_EQ(log, "bb");
  EXPECT_FALSE(cases[0].checked.passed);
  EXPECT_TRUE(cases[0].seconds.empty());
  EXPECT_EQ(cases[1].seconds.size(), 1u);
}

TEST(BenchCaseTest, RepeatsShortPassesAndTellsTheTimeOfOne) {
  int num_passes = 0;
  BenchCase quick;
  quick.check = [] { return BenchCheck{true, ""}; };
  quick.pass = [&](size_t) {
    ++num_passes;
    const auto start = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - start <
           std::chrono::milliseconds(1)) {
    }
  };
  std::vector<BenchCase> cases = {quick};
  RunCases(1, NeverStop, cases);
  EXPECT_GT(num_passes, 2);
  EXPECT_LE(num_passes, 21);
  EXPECT_GE(cases[0].seconds.at(0), 0.001);
}

TEST(BenchCaseTest, RepeatsNothingThatMustBePrepared) {
  int num_passes = 0;
  BenchCase quick;
  quick.check = [] { return BenchCheck{true, ""}; };
  quick.prepare = [] {};
  quick.pass = [&](size_t) { ++num_passes; };
  std::vector<BenchCase> cases = {quick};
  RunCases(1, NeverStop, cases);
  EXPECT_EQ(num_passes, 2);
}

TEST(BenchCaseTest, StopsWhenAsked) {
  std::string log;
  std::vector<BenchCase> cases = {LoggedCase('a', 0, true, &log),
                                  LoggedCase('b', 0, true, &log)};
  RunCases(
      5, [&] { return log.size() >= 3; }, cases);
  EXPECT_EQ(log, "aab");
}

TEST(BenchCaseTest, StopsBeforeTheFirstRound) {
  std::vector<BenchCase> cases(1);
  cases[0].check = [] { return BenchCheck{true, ""}; };
  EXPECT_TRUE(RunCases(
                  1000, [] { return true; }, cases)
                  .empty());
}

TEST(BenchCaseTest, MedianAndSpread) {
  EXPECT_EQ(Smallest({3, 1, 2}), 1);
  EXPECT_EQ(Median({3}), 3);
  EXPECT_EQ(Median({3, 1, 2}), 2);
  EXPECT_EQ(Median({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(Spread({2, 4, 3}), 2.0 / 3);
  EXPECT_EQ(Spread({5}), 0);
}

}  // namespace
}  // namespace melmill
