#include "bench/bench.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

TEST(BenchTest, SharesAreOfTheLimitThatApplies) {
  const BenchLimits limits = {
      .memory_copy = 100, .disk_write = 10, .disk_read = 20};
  BenchCase bench_case;
  bench_case.bytes_read = 100;
  bench_case.bytes_written = 40;
  bench_case.seconds = {9, 10, 11};
  const auto share = [&](BenchLimit limit) {
    bench_case.limit = limit;
    return ShareOfLimit(bench_case, limits);
  };
  EXPECT_EQ(share(BenchLimit::kNone), std::nullopt);
  EXPECT_DOUBLE_EQ(*share(BenchLimit::kMemoryCopy), 0.14);
  EXPECT_DOUBLE_EQ(*share(BenchLimit::kDiskWrite), 0.4);
  EXPECT_DOUBLE_EQ(*share(BenchLimit::kDiskReadAndWrite), 0.5);
  bench_case.bytes_written = 80;
  EXPECT_DOUBLE_EQ(*share(BenchLimit::kDiskReadAndWrite), 0.8);
  EXPECT_EQ(ShareOfLimit(bench_case, {}), std::nullopt);
  bench_case.seconds.clear();
  EXPECT_EQ(ShareOfLimit(bench_case, limits), std::nullopt);
}

TEST(BenchTest, RunsEveryStageOnGivenAudioAndCleansUp) {
  Corpus corpus;
  std::filesystem::create_directories(corpus.Path("good"));
  std::filesystem::create_directories(corpus.Path("out"));
  WavSpec spec;
  corpus.AddWav("good/a.wav", 50'000, 1, spec);
  spec.sample_rate_hz = 22050;
  spec.num_channels = 3;
  spec.encoding = SampleEncoding::kMuLaw;
  corpus.AddWav("good/b.wav", 60'001, 2, spec);
  BenchOptions options;
  options.audio = {corpus.Path("good")};
  options.out = corpus.Path("out");
  options.num_rounds = 1;
  RunControl control;
  const BenchReport report = RunBench(options, &control);
  EXPECT_TRUE(report.all_passed());
  EXPECT_FALSE(report.stopped);
  EXPECT_EQ(report.num_clips, 2u);
  std::vector<std::string> stages;
  for (const BenchCase& bench_case : report.cases) {
    EXPECT_EQ(bench_case.seconds.size(), 1u) << bench_case.checked.text;
    EXPECT_GT(*ShareOfLimit(bench_case, report.limits), 0);
    EXPECT_FALSE(bench_case.pass);
    if (stages.empty() || stages.back() != bench_case.stage) {
      stages.push_back(bench_case.stage);
    }
  }
  EXPECT_EQ(stages, BenchStageNames());
  EXPECT_TRUE(std::filesystem::is_empty(corpus.Path("out")));
  EXPECT_EQ(std::distance(
                std::filesystem::directory_iterator(corpus.Path("good")), {}),
            2);
}

TEST(BenchTest, StopsAndCleansUp) {
  const TempFolder folder;
  BenchOptions options;
  options.out = folder.path();
  RunControl control;
  control.RequestStop(2);
  EXPECT_TRUE(RunBench(options, &control).stopped);
  EXPECT_TRUE(folder.Names().empty());
}

TEST(BenchTest, RefusesWhatMakesNoSense) {
  RunControl control;
  const auto run = [&](const BenchOptions& options) {
    RunBench(options, &control);
  };
  EXPECT_THROW(run({.stages = {"encode"}}), SetupError);
  EXPECT_THROW(run({.num_rounds = 0}), SetupError);
  EXPECT_THROW(run({.num_threads = -1}), SetupError);
  EXPECT_THROW(run({.audio = {"no/such/file.wav"}}), SetupError);
  EXPECT_THROW(run({.out = "no/such/folder"}), SetupError);
}

}  // namespace
}  // namespace melmill
