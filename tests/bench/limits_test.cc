#include "bench/limits.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

constexpr char kMountInfo[] =
    "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "22 21 0:5 / /data rw shared:2 master:3 - xfs /dev/old rw\n"
    "23 21 0:6 / /data rw - xfs /dev/sdb rw\n"
    "24 21 0:7 / /my\\040disk rw - btrfs /dev/sd\\040c rw\n"
    "25 21 broken\n";

TEST(BenchLimitsTest, FindsWhatAPathLiesOn) {
  const auto device = [](const char* path) {
    return FindMount(kMountInfo, path).device;
  };
  EXPECT_EQ(device("/home/a"), "/dev/sda1");
  EXPECT_EQ(device("/"), "/dev/sda1");
  EXPECT_EQ(device("/data"), "/dev/sdb");
  EXPECT_EQ(device("/data/a/b"), "/dev/sdb");
  EXPECT_EQ(device("/database"), "/dev/sda1");
  EXPECT_EQ(device("/my disk/a"), "/dev/sd c");
  EXPECT_EQ(FindMount(kMountInfo, "/data").file_system, "xfs");
  EXPECT_EQ(FindMount("", "/data").file_system, "");
}

TEST(BenchLimitsTest, MovesTheBytesThatItCounts) {
  const TempFolder folder;
  std::vector<BenchCase> cases = MakeDiskCases(folder.path());
  cases.push_back(MakeMemoryCopyCase());
  RunCases(
      1, [] { return false; }, cases);
  for (const BenchCase& bench_case : cases) {
    EXPECT_EQ(bench_case.stage, kLimitStage);
    ASSERT_EQ(bench_case.seconds.size(), 1u) << bench_case.variant;
    // A speed beyond that of any machine would mean that nothing was done.
    const double seconds = bench_case.seconds[0];
    EXPECT_LT(
        static_cast<double>(bench_case.bytes_read + bench_case.bytes_written) /
            seconds,
        1e12)
        << bench_case.variant;
  }
  EXPECT_EQ(ReadWholeFile(folder.File("limit.write")).size(), kLimitBytes);
}

TEST(BenchLimitsTest, TheMachinesSpeedIsThatOfProcessors) {
  const double speed = MeasureMachineSpeed();  // billions of operations
  EXPECT_GT(speed, 0.01);
  EXPECT_LT(speed, 1000);
}

}  // namespace
}  // namespace melmill
