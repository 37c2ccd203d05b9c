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
  ProgressText log_{control_, minutes(1), now_};
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
  control_.frames_done = 100 * 30 * 25;
  EXPECT_EQ(LineAfter(seconds(30)),
            "extracting: 0.21 of 1.00 h (21 %), 25 x real time, 1:53 left");
  control_.frames_done = 100 * 90 * 25;
  EXPECT_EQ(LineAfter(seconds(60)),
            "extracting: 0.62 of 1.00 h (62 %), 25 x real time, 0:54 left");
}

}  // namespace
}  // namespace melmill
