#include "pipeline/extract/telemetry.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>

namespace melmill {
namespace {

double& Seconds(Telemetry& telemetry, Stage stage) {
  return telemetry.compute.seconds[static_cast<size_t>(stage)];
}

Telemetry TenSecondsOfTwoThreads() {
  Telemetry telemetry;
  telemetry.seconds = 10;
  telemetry.num_threads = 2;
  telemetry.compute.bytes_read = 13'000'000'000;
  telemetry.compute.bytes_stored = 5'000'000'000;
  return telemetry;
}

TEST(FindBottleneckTest, NamesTheBusiestStageOfBusyThreads) {
  Telemetry telemetry = TenSecondsOfTwoThreads();
  Seconds(telemetry, Stage::kLogMel) = 14;
  Seconds(telemetry, Stage::kStore) = 4;
  const BottleneckReport report = FindBottleneck(telemetry);
  EXPECT_EQ(report.bottleneck, Bottleneck::kCompute);
  EXPECT_EQ(report.name, "log-mel");
  EXPECT_EQ(report.line, "CPU-bound: log-mel takes 70 % of 2 threads");
  EXPECT_DOUBLE_EQ(telemetry.BusyShare(Stage::kStore), 0.2);
  EXPECT_DOUBLE_EQ(telemetry.BusyShare(), 0.9);
}

TEST(FindBottleneckTest, NamesSetUpWhereClipsAreShort) {
  Telemetry telemetry = TenSecondsOfTwoThreads();
  Seconds(telemetry, Stage::kSetUp) = 12;
  Seconds(telemetry, Stage::kLogMel) = 5;
  EXPECT_EQ(FindBottleneck(telemetry).line,
            "CPU-bound: set-up takes 60 % of 2 threads");
}

TEST(FindBottleneckTest, NamesTheDiskThatIdleThreadsWaitFor) {
  Telemetry telemetry = TenSecondsOfTwoThreads();
  Seconds(telemetry, Stage::kLogMel) = 5;
  telemetry.mean_reads_waiting = 16.4;
  const BottleneckReport reading = FindBottleneck(telemetry);
  EXPECT_EQ(reading.bottleneck, Bottleneck::kReading);
  EXPECT_EQ(reading.name, "disk read");
  EXPECT_EQ(reading.line, "disk-bound: read 1.30 GB/s, 16 reads waiting");

  telemetry.mean_reads_waiting = 0.1;
  telemetry.commit_seconds = 6;
  const BottleneckReport writing = FindBottleneck(telemetry);
  EXPECT_EQ(writing.bottleneck, Bottleneck::kWriting);
  EXPECT_EQ(writing.name, "disk write");
  EXPECT_EQ(writing.line, "disk-bound: wrote 500.0 MB/s");
}

TEST(FindBottleneckTest, TakesThreadsThatWaitWithinAStageForTheDisk) {
  Telemetry telemetry = TenSecondsOfTwoThreads();
  Seconds(telemetry, Stage::kRead) = 17;  // later blocks of long files
  Seconds(telemetry, Stage::kLogMel) = 2;
  EXPECT_EQ(FindBottleneck(telemetry).bottleneck, Bottleneck::kReading);
  Seconds(telemetry, Stage::kStore) = 17;
  Seconds(telemetry, Stage::kRead) = 1;
  EXPECT_EQ(FindBottleneck(telemetry).bottleneck, Bottleneck::kWriting);
}

TEST(FindBottleneckTest, SaysSoWhenNothingWasBusy) {
  Telemetry telemetry = TenSecondsOfTwoThreads();
  Seconds(telemetry, Stage::kLogMel) = 5;
  const BottleneckReport report = FindBottleneck(telemetry);
  EXPECT_EQ(report.bottleneck, Bottleneck::kNone);
  EXPECT_EQ(report.line,
            "no bottleneck: 2 threads were busy for 25 % of the time");
}

TEST(FindBottleneckTest, SaysNothingOfAShortRun) {
  Telemetry telemetry = TenSecondsOfTwoThreads();
  telemetry.seconds = 0.01;
  EXPECT_EQ(FindBottleneck(telemetry).bottleneck, Bottleneck::kNone);
  EXPECT_EQ(FindBottleneck(Telemetry()).bottleneck, Bottleneck::kNone);
}

TEST(StageTimesTest, AddsUp) {
  StageTimes sum;
  StageTimes one;
  one.bytes_read = 3;
  one.bytes_stored = 5;
  one.seconds.fill(0.5);
  sum.Add(one);
  sum.Add(one);
  EXPECT_EQ(sum.bytes_read, 6u);
  EXPECT_EQ(sum.bytes_stored, 10u);
  EXPECT_EQ(sum.Of(Stage::kResample), 1.0);
}

TEST(StageTimesTest, TimersAddTheirLife) {
  StageTimes times;
  { const StageTimer timer(&times, Stage::kDecode); }
  const double once = times.Of(Stage::kDecode);
  EXPECT_GT(once, 0);
  { const StageTimer timer(&times, Stage::kDecode); }
  EXPECT_GT(times.Of(Stage::kDecode), once);
  EXPECT_EQ(times.Of(Stage::kRead), 0);
}

void SpendAMillisecond() {
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
  while (std::chrono::steady_clock::now() < end) {
  }
}

TEST(StageTimesTest, TimersWithinATimerCountForThemselvesAlone) {
  StageTimes times;
  const auto start = std::chrono::steady_clock::now();
  {
    const StageTimer outer(&times, Stage::kOther);
    {
      const StageTimer inner(&times, Stage::kDecode);
      SpendAMillisecond();
      const StageTimer innermost(&times, Stage::kRead);
      SpendAMillisecond();
    }
    SpendAMillisecond();
  }
  const std::chrono::duration<double> elapsed =
      std::chrono::steady_clock::now() - start;
  for (const Stage stage : {Stage::kOther, Stage::kDecode, Stage::kRead}) {
    EXPECT_GE(times.Of(stage), 1e-3);
  }
  EXPECT_LE(times.Sum(), elapsed.count());
}

TEST(StageTimesTest, WaitingWithinATimerCountsNowhere) {
  StageTimes times;
  const auto start = std::chrono::steady_clock::now();
  {
    const StageTimer outer(&times, Stage::kSchedule);
    const StageTimer waiting(&times, std::nullopt);
    SpendAMillisecond();
  }
  const std::chrono::duration<double> elapsed =
      std::chrono::steady_clock::now() - start;
  EXPECT_LE(times.Sum(), elapsed.count() - 1e-3);
}

TEST(DepthMeterTest, MeanIsBetweenTheExtremes) {
  DepthMeter meter;
  meter.Add(4);
  EXPECT_LE(meter.Mean(), 4);
  while (meter.Mean() < 2) {  // soon true: the depth is 4 most of the time
  }
  meter.Add(-4);
  const double mean = meter.Mean();
  EXPECT_GT(mean, 0);
  EXPECT_LE(mean, 4);
  while (meter.Mean() > mean / 2) {  // it falls while the depth is 0
  }
}

}  // namespace
}  // namespace melmill
