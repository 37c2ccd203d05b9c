#include "pipeline/setup/run_config.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "pipeline/setup/setup_error.h"

namespace melmill {
namespace {

RunConfig GoodConfig() {
  RunConfig config;
  config.input.splits = {{"train", "train.jsonl"}};
  return config;
}

TEST(CheckConfigTest, BoundsTheTimeAfterWhichARowCountsAsHung) {
  RunConfig config = GoodConfig();
  for (const double good : {1.0, 600.0, kMaxHangSeconds}) {
    config.resources.hang_seconds = good;
    EXPECT_NO_THROW(CheckConfig(config)) << good;
  }
  for (const double bad : {0.9, -1.0, 1.8e11, 1e300, kMaxHangSeconds + 1,
                           std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN()}) {
    config.resources.hang_seconds = bad;
    EXPECT_THROW(CheckConfig(config), SetupError) << bad;
  }
}

// The message of CheckConfig; empty for a configuration that it accepts.
std::string RefusalOf(const RunConfig& config) {
  try {
    CheckConfig(config);
  } catch (const SetupError& error) {
    return error.what();
  }
  return "";
}

TEST(CheckConfigTest, BoundsTheNumbersOfThreads) {
  RunConfig config = GoodConfig();
  for (const int good : {0, 1, 1024}) {
    config.resources.num_threads = good;
    EXPECT_EQ(RefusalOf(config), "") << good;
  }
  for (const int bad : {-1, 1025}) {
    config.resources.num_threads = bad;
    EXPECT_EQ(RefusalOf(config),
              "--threads must be 1 to 1024, or 0 for all CPUs");
  }
  config = GoodConfig();
  for (const int good : {1, 1024}) {
    config.resources.num_io_threads = good;
    EXPECT_EQ(RefusalOf(config), "") << good;
    config.resources.num_plan_threads = good;
    EXPECT_EQ(RefusalOf(config), "") << good;
  }
  for (const int bad : {0, 1025}) {
    config.resources.num_io_threads = bad;
    EXPECT_EQ(RefusalOf(config), "--io-threads must be 1 to 1024");
    config.resources.num_io_threads = 1;
    config.resources.num_plan_threads = bad;
    EXPECT_EQ(RefusalOf(config), "--io-threads must be 1 to 1024");
  }
}

TEST(CheckConfigTest, AcceptsTheDefaults) {
  EXPECT_NO_THROW(CheckConfig(GoodConfig()));
  EXPECT_EQ(GoodConfig().features.log_mel().mel.n_mels, 128);
}

TEST(CheckConfigTest, RefusesWhatMakesNoSense) {
  const auto expect_refused = [](auto change) {
    RunConfig config = GoodConfig();
    change(&config);
    EXPECT_THROW(CheckConfig(config), SetupError);
  };
  expect_refused([](RunConfig* c) { c->input.splits.clear(); });
  expect_refused(
      [](RunConfig* c) { c->input.splits.push_back(c->input.splits[0]); });
  expect_refused([](RunConfig* c) { c->clips.truncate = true; });
  expect_refused([](RunConfig* c) { c->clips.max_duration_s = 0; });
  expect_refused([](RunConfig* c) { c->input.kept_fields = {"audio"}; });
  expect_refused([](RunConfig* c) { c->input.kept_fields = {"id", "id"}; });
  expect_refused([](RunConfig* c) { c->input.kept_fields = {"a/b"}; });
}

TEST(ResolveAudioPathTest, PutsTheRootBeforeRelativePaths) {
  EXPECT_EQ(ResolveAudioPath("", "a/b.wav"), "a/b.wav");
  EXPECT_EQ(ResolveAudioPath("/corpus", "a/b.wav"), "/corpus/a/b.wav");
  EXPECT_EQ(ResolveAudioPath("/corpus", "/x.wav"), "/x.wav");
  EXPECT_EQ(ResolveAudioPath("/corpus/", "a.wav"), "/corpus/a.wav");
}

}  // namespace
}  // namespace melmill
