#include "pipeline/setup/resource_limits.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

#include "pipeline/setup/setup_error.h"

namespace melmill {
namespace {

RunConfig Config(int num_threads, int num_io_threads) {
  RunConfig config;
  config.resources.num_threads = num_threads;
  config.resources.num_io_threads = num_io_threads;
  config.resources.num_plan_threads = num_io_threads;
  return config;
}

TEST(ResourceLimitsTest, FilesFollowThreadsAndShards) {
  const size_t alone = MaxOpenFilesOfExtraction(Config(1, 1), 1);
  // One more shard is one more file, as long as all may be open at once.
  EXPECT_EQ(MaxOpenFilesOfExtraction(Config(1, 1), 2), alone + 1);
  EXPECT_EQ(MaxOpenFilesOfExtraction(Config(1, 1), 1'000'000),
            MaxOpenFilesOfExtraction(Config(1, 1), 2'000'000));
  // A row in work has its audio open and may have a shard of its own.
  EXPECT_EQ(MaxOpenFilesOfExtraction(Config(2, 1), 1), alone + 1);
  EXPECT_EQ(MaxOpenFilesOfExtraction(Config(1, 2), 1), alone + 3);
  EXPECT_EQ(MaxOpenFilesOfPlan(Config(1, 16)),
            MaxOpenFilesOfPlan(Config(1, 1)) + 15);
}

TEST(ResourceLimitsTest, UsualRunsFitIntoTheUsualLimit) {
  EXPECT_LT(MaxOpenFilesOfExtraction(Config(64, 64), 1'000'000), 1000u);
}

TEST(ResourceLimitsTest, FilesAreBoundedByMemory) {
  RunConfig small = Config(2, 1000);
  small.resources.memory_bytes = 2 * kBaseMemoryBytes;
  RunConfig large = small;
  large.resources.memory_bytes = uint64_t{16} << 30;
  EXPECT_LT(MaxOpenFilesOfExtraction(small, 1), 40u);
  EXPECT_GT(MaxOpenFilesOfExtraction(large, 1), 3000u);
}

// Runs in a process of its own, since limits cannot be raised again.
void ExitWithOutcome(rlim_t soft, rlim_t hard, size_t num_files) {
  const rlimit limit = {soft, hard};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) _exit(9);
  try {
    RequireOpenFiles(num_files);
  } catch (const SetupError& error) {
    const std::string message = error.what();
    _exit(message.find("the limit is 80:") != message.npos ? 2 : 8);
  }
  rlimit now = {};
  getrlimit(RLIMIT_NOFILE, &now);
  _exit(now.rlim_cur >= num_files ? 0 : 7);
}

TEST(ResourceLimitsTest, SoftLimitIsRaisedUpToTheHardOne) {
  EXPECT_EXIT(ExitWithOutcome(40, 80, 50), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(ExitWithOutcome(80, 80, 50), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(ExitWithOutcome(40, 80, 78), ::testing::ExitedWithCode(2), "");
}

TEST(ResourceLimitsTest, ThreadsThatCanBeStartedAreNoMatter) {
  EXPECT_NO_THROW(RequireThreads(Config(4, 16)));
}

}  // namespace
}  // namespace melmill
