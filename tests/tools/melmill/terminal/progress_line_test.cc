#include "tools/melmill/terminal/progress_line.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

#include "pipeline/setup/run_control.h"

namespace melmill {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr milliseconds kLook(200);

class ProgressTextTest : public testing::Test {
 protected:
  // The last line that a log gets in this time.
  std::string LineAfter(std::chrono::milliseconds time) {
    std::string line;
    for (const auto end = now_ + time; now_ < end;) {
      now_ += kLook;
      const std::optional<std::string> text = log_.Next(now_);
      if (text) line = *text;
    }
    return line;
  }

  RunControl control_;
  ProgressText::Clock::time_point now_{};
  ProgressText log_{control_, DescribeProgress, minutes(1), now_};
};

TEST_F(ProgressTextTest, ALogHasOneLineForEachInterval) {
  EXPECT_EQ(LineAfter(seconds(59)), "");
  EXPECT_EQ(LineAfter(seconds(1)), "planning: 0 lines");
  EXPECT_EQ(LineAfter(seconds(59)), "");
}

// This includes a phase that begins between two lines of a log.
TEST_F(ProgressTextTest, APhaseIsTimedFromItsBeginning) {
  EXPECT_EQ(LineAfter(seconds(30)), "");
  control_.phase = RunControl::Phase::kExtract;
  control_.frames_to_do = 100 * 3600;
  control_.rows_to_do = 2000;
  control_.frames_done = 100 * 30 * 25;
  control_.rows_done = 400;
  control_.bytes_done = 60'000'000;
  EXPECT_EQ(LineAfter(seconds(30)),
            "extracting: 400 of 2,000 rows,  21 %, 25 x real time, 2 MB/s, "
            "1:53 left");
  control_.frames_done = 100 * 90 * 25;
  control_.lines_rejected = 3;
  EXPECT_EQ(LineAfter(seconds(60)),
            "extracting: 400 of 2,000 rows,  62 %, 25 x real time, 1 MB/s, "
            "3 rejected, 0:54 left");
}

class DrawProgressTest : public testing::Test {
 protected:
  DrawProgressTest() {
    control_.phase = RunControl::Phase::kExtract;
    control_.frames_to_do = 100 * 3600;
    control_.frames_done = 100 * 900;
    control_.rows_to_do = 280'000;
    control_.rows_done = 70'000;
    control_.bytes_done = 500'000'000;
    control_.lines_rejected = 12;
  }

  RunControl control_;
};

TEST_F(DrawProgressTest, AWideTerminalShowsAll) {
  EXPECT_EQ(DrawProgress(control_, 10, 200),
            "[=======>                      ]   25 %  70,000 of 280,000 rows  "
            "90 x real time  50 MB/s  12 rejected  0:30 left");
}

TEST_F(DrawProgressTest, ANarrowTerminalShowsWhatMattersMost) {
  EXPECT_EQ(DrawProgress(control_, 10, 79),
            "[===>        ]   25 %  70,000 of 280,000 rows  50 MB/s  "
            "12 rejected  0:30 left");
  EXPECT_EQ(DrawProgress(control_, 10, 39),
            "[====>             ]   25 %  0:30 left");
}

TEST_F(DrawProgressTest, EveryWidthIsKept) {
  for (const uint64_t frames_done : {0, 1, 90'000, 359'999, 360'000}) {
    control_.frames_done = frames_done;
    for (size_t width = 14; width < 250; ++width) {
      ASSERT_LE(DrawProgress(control_, 10, width).size(), width)
          << DrawProgress(control_, 10, width);
    }
  }
  control_.phase = RunControl::Phase::kCheck;
  EXPECT_EQ(DrawProgress(control_, 10, 8), "checking");
}

TEST_F(DrawProgressTest, AFullBarHasNoHead) {
  control_.frames_done = control_.frames_to_do.load();
  control_.lines_rejected = 0;
  EXPECT_EQ(DrawProgress(control_, 10, 22), "[============]  100 %");
}

}  // namespace
}  // namespace melmill
