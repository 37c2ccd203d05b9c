#include "pipeline/plan/speed_estimate.h"

#include <gtest/gtest.h>

#include "pipeline/setup/stopwatch.h"

namespace melmill {
namespace {

// An hour in rows of one sample rate.
PlanReport AnHourAt(int sample_rate_hz) {
  PlanReport plan;
  plan.splits.push_back({.name = "train",
                         .num_samples = 3600 * 16000,
                         .rows_by_rate = {{sample_rate_hz, 360}}});
  return plan;
}

TEST(SpeedEstimateTest, NoRowsTakeNoTime) {
  EXPECT_EQ(EstimateSeconds(MakeFeatureSpec(), PlanReport(), 1), 0);
}

TEST(SpeedEstimateTest, MoreAudioTakesLonger) {
  const FeatureSpec features = MakeFeatureSpec();
  PlanReport day = AnHourAt(16000);
  day.splits[0].num_samples *= 24;
  const double hour_seconds = EstimateSeconds(features, AnHourAt(16000), 1);
  const double day_seconds = EstimateSeconds(features, day, 1);
  EXPECT_GT(hour_seconds, 0.001);
  EXPECT_LT(hour_seconds, 600);
  // 24, with room for other work on the machine.
  EXPECT_GT(day_seconds, 4 * hour_seconds);
}

TEST(SpeedEstimateTest, CodedSoundTakesLonger) {
  SoundHeader header = {.sample_rate_hz = 16000, .num_samples = 3600 * 16000};
  EXPECT_EQ(DecodeSeconds(header), 0);
  header.encoding = SampleEncoding::kOpus;
  PlanReport opus = AnHourAt(16000);
  opus.splits[0].decode_seconds = DecodeSeconds(header);
  EXPECT_NEAR(opus.splits[0].decode_seconds, 10.8, 1e-9);
  EXPECT_GT(EstimateSeconds(MakeFeatureSpec(), opus, 2), 5.4);
}

TEST(SpeedEstimateTest, ThreadsShareTheWork) {
  const FeatureSpec features = MakeFeatureSpec();
  EXPECT_GT(EstimateSeconds(features, AnHourAt(48000), 1),
            3 * EstimateSeconds(features, AnHourAt(48000), 16));
}

TEST(SpeedEstimateTest, ManyRatesTakeNoLongToTry) {
  PlanReport plan = AnHourAt(48000);
  for (int rate_hz = 8000; rate_hz < 90000; rate_hz += 1000) {
    plan.splits[0].rows_by_rate[rate_hz] = 1;
  }
  const Stopwatch stopwatch;
  EXPECT_GT(EstimateSeconds(MakeFeatureSpec(), plan, 2), 0);
  EXPECT_LT(stopwatch.seconds(), 10);
}

}  // namespace
}  // namespace melmill
