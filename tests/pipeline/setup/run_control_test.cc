#include "pipeline/setup/run_control.h"

#include <gtest/gtest.h>

#include <chrono>

namespace melmill {
namespace {

using std::chrono::seconds;

TEST(RunControlTest, TheGraceBeginsWithTheFirstSignal) {
  RunControl control;
  control.grace = seconds(100);
  EXPECT_FALSE(control.stop_requested());
  EXPECT_FALSE(control.grace_is_over());
  EXPECT_EQ(control.grace_left_seconds(), 100);
  EXPECT_TRUE(control.RequestStop(15));
  EXPECT_FALSE(control.RequestStop(2));
  EXPECT_EQ(control.stop_signal(), 15);
  EXPECT_FALSE(control.grace_is_over());
  EXPECT_GT(control.grace_left_seconds(), 90);
  EXPECT_LE(control.grace_left_seconds(), 100);
}

TEST(RunControlTest, WithoutAGraceNothingNewIsStarted) {
  RunControl control;
  control.grace = seconds(0);
  control.RequestStop(15);
  while (!control.grace_is_over()) {  // the clock must go on first
  }
  EXPECT_EQ(control.grace_left_seconds(), 0);
}

}  // namespace
}  // namespace melmill
