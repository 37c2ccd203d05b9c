#include "bench/case.h"

#include <gtest/gtest.h>

#include <chrono>
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
  result.pass = [=] {
    *log += pass;
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
  RunCases(2, NeverStop, cases);
  EXPECT_EQ(log, "aBbaBbaBb");
  for (const BenchCase& bench_case : cases) {
    ASSERT_EQ(bench_case.seconds.size(), 2u);
    EXPECT_GE(bench_case.seconds[0], 0.025);
    EXPECT_EQ(bench_case.checked.text, "checked");
  }
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
  quick.pass = [&] {
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
  quick.pass = [&] { ++num_passes; };
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
  EXPECT_EQ(log, "aba");
}

TEST(BenchCaseTest, MedianAndSpread) {
  EXPECT_EQ(Median({3}), 3);
  EXPECT_EQ(Median({3, 1, 2}), 2);
  EXPECT_EQ(Median({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(Spread({2, 4, 3}), 2.0 / 3);
  EXPECT_EQ(Spread({5}), 0);
}

}  // namespace
}  // namespace melmill
