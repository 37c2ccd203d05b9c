#include "pipeline/folder/doubts_file.h"

#include <gtest/gtest.h>

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

TEST(DoubtsFileTest, AFolderWithoutDoubtsHasNone) {
  const TempFolder folder;
  EXPECT_TRUE(ReadDoubts(folder.path()).value().empty());
  EXPECT_TRUE(ReadDoubts(folder.File("none")).value().empty());
}

}  // namespace
}  // namespace melmill
