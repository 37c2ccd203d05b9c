#include "pipeline/folder/doubts_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

DoubtfulRow MakeRow(uint64_t line) {
  return {.shard = "train.0123456789ab.h5",
          .split = "train",
          .line = line,
          .audio = "a.wav",
          .message = "no such file",
          .machine = {.host = "node1", .boot_id = "abc"}};
}

TEST(DoubtsFileTest, ReadsTheDoubtsOfAllProcesses) {
  const TempFolder folder;
  ASSERT_TRUE(WriteDoubts(folder.path(), {MakeRow(1), MakeRow(2)}).ok());
  std::ofstream(folder.File(".doubts.00000000000000ff"))
      << "no object\n{\"shard\":\"x\"}\n"
         R"({"shard":"s","split":"train","line":3,"audio":"a","message":"m",)"
         "\"host\":\"h\",\"boot_id\":\"\"}\n{\"shard\":\"cut";
  std::ofstream(folder.File("doubts.other")) << "{}";
  const auto rows = ReadDoubts(folder.path());
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows.value().size(), 3u);
  uint64_t sum = 0;
  for (const DoubtfulRow& row : rows.value()) sum += row.line;
  EXPECT_EQ(sum, 6u);
  EXPECT_NE(std::find(rows.value().begin(), rows.value().end(), MakeRow(2)),
            rows.value().end());
}

TEST(DoubtsFileTest, EachMachineIsNotedOnce) {
  const TempFolder folder;
  const Machine one = {.host = "one", .boot_id = "1"};
  const Machine other = {.host = "one", .boot_id = "2"};
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(WriteWorker(folder.path(), one).ok());
  }
  EXPECT_EQ(ReadWorkers(folder.path()).value(), std::vector<Machine>{one});
  EXPECT_TRUE(WriteWorker(folder.path(), other).ok());
  std::ofstream(folder.File(".worker.00000000000000ff")) << "{\"host\":1}\n";
  EXPECT_EQ(ReadWorkers(folder.path()).value().size(), 2u);
  EXPECT_TRUE(ReadDoubts(folder.path()).value().empty());
}

TEST(DoubtsFileTest, ADisputeStandsUntilItsFileIsMovedAway) {
  const TempFolder folder;
  const DisputedShard first = {.shard = "train.0123456789ab.h5",
                               .message = "other bytes",
                               .machine = {.host = "one", .boot_id = "1"}};
  DisputedShard again = first;
  again.message = "other bytes again";
  DisputedShard other = first;
  other.shard = "train.ba9876543210.h5";
  for (const DisputedShard& disputed : {first, again, other}) {
    std::ofstream(folder.File(disputed.shard)) << "bytes";
    EXPECT_TRUE(WriteDispute(folder.path(), disputed).ok());
  }
  EXPECT_TRUE(RemoveSettledDisputes(folder.path()).ok());
  EXPECT_EQ(ReadDisputes(folder.path()).value().size(), 2u);
  std::filesystem::remove(folder.File(other.shard));
  EXPECT_EQ(ReadDisputes(folder.path()).value(),
            std::vector<DisputedShard>{first});
  EXPECT_TRUE(RemoveSettledDisputes(folder.path()).ok());
  std::ofstream(folder.File(other.shard)) << "made again";
  EXPECT_EQ(ReadDisputes(folder.path()).value(),
            std::vector<DisputedShard>{first});
}

TEST(DoubtsFileTest, AFolderWithoutDoubtsHasNone) {
  const TempFolder folder;
  EXPECT_TRUE(ReadDisputes(folder.path()).value().empty());
  EXPECT_TRUE(ReadDoubts(folder.path()).value().empty());
  EXPECT_TRUE(ReadDoubts(folder.File("none")).value().empty());
}

}  // namespace
}  // namespace melmill
