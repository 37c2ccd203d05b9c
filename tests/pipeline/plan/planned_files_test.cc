#include "pipeline/plan/planned_files.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

TEST(PlannedFilesTest, AReaderGivesAllInOrder) {
  const TempFolder folder;
  constexpr uint64_t kNumFiles = 9000;
  PlannedFiles files(folder.path());
  for (uint64_t i = 0; i < kNumFiles; ++i) {
    ASSERT_TRUE(files
                    .Add({.facts = {.changed_ns = 1 + i,
                                    .modified_ns = 2 + i,
                                    .inode = 3 + i,
                                    .flags = i % 8},
                          .identity = UINT64_MAX - i,
                          .num_bytes = 4 + i})
                    .ok());
  }
  PlannedFileReader reader(files, kNumFiles);
  for (uint64_t i = 0; i < kNumFiles; ++i) {
    const Result<PlannedFile> file = reader.Next();
    ASSERT_TRUE(file.ok()) << file.error().message;
    ASSERT_EQ(file.value().identity, UINT64_MAX - i);
    ASSERT_EQ(file.value().facts.changed_ns, 1 + i);
    ASSERT_EQ(file.value().facts.modified_ns, 2 + i);
    ASSERT_EQ(file.value().facts.inode, 3 + i);
    ASSERT_EQ(file.value().facts.flags, i % 8);
    ASSERT_EQ(file.value().num_bytes, 4 + i);
  }
}

}  // namespace
}  // namespace melmill
