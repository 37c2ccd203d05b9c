#include "store/store_folder.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "io/file/temporary_name.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

TEST(StoreFolderTest, KnowsTheTemporaryNamesMelmillMakes) {
  for (const char* name :
       {"store.json", "plan.h5", "rejects.jsonl", ".lock", ".local",
        "train.rows.h5", "train.accepted.jsonl", "train.training.jsonl",
        "train.0123456789ab.h5", "job.json", ".suspects",
        ".suspects.0123456789abcdef", ".doubts.0123456789abcdef",
        ".worker.0123456789abcdef"}) {
    EXPECT_FALSE(IsTemporaryFileName(name)) << name;
    EXPECT_TRUE(IsTemporaryFileName(TemporaryName(name))) << name;
  }
  for (const char* name :
       {"notes.txt", "train.h5", "train.jsonl", "train.0123456789AB.h5",
        "train-0123456789ab.h5", ".0123456789ab.h5", "train.0123456789.h5", "a",
        ".suspects.0123456789abcde", ".suspects.", ".doubts", ".worker",
        ".doubts.0123456789ABCDEF", "job.jsonl"}) {
    EXPECT_FALSE(IsTemporaryFileName(name)) << name;
    EXPECT_FALSE(IsTemporaryFileName(TemporaryName(name))) << name;
  }
  for (const char* name :
       {".tmp", "a.tmp", ".table-", ".table-a1b2c", ".table-of-contents"}) {
    EXPECT_FALSE(IsTemporaryFileName(name)) << name;
  }
  EXPECT_EQ(SuspectsFileName(), ".suspects." + ProcessTag());
  EXPECT_TRUE(IsSuspectsFileName(SuspectsFileName()));
  EXPECT_TRUE(IsSuspectsFileName(".suspects"));
  EXPECT_FALSE(IsSuspectsFileName(".suspect"));
  EXPECT_EQ(DoubtsFileName(), ".doubts." + ProcessTag());
  EXPECT_TRUE(IsDoubtsFileName(DoubtsFileName()));
  EXPECT_FALSE(IsDoubtsFileName(TemporaryName(DoubtsFileName())));
  EXPECT_EQ(WorkerFileName(255), ".worker.00000000000000ff");
  EXPECT_TRUE(IsWorkerFileName(WorkerFileName(255)));
  EXPECT_FALSE(IsWorkerFileName(DoubtsFileName()));
}

TEST(StoreFolderTest, KnowsTheTemporaryNamesOfEarlierVersions) {
  for (const char* name :
       {"store.json.tmp", "plan.h5.tmp", "train.0123456789ab.h5.tmp"}) {
    EXPECT_TRUE(IsTemporaryFileName(name)) << name;
  }
  // A user's own filter may have made this file, and may be at work.
  EXPECT_FALSE(IsTemporaryFileName("short.accepted.jsonl.tmp"));
}

TEST(StoreFolderTest, ListsNamesInOrder) {
  const TempFolder folder;
  WriteWholeFile(folder.File("b"), "");
  WriteWholeFile(folder.File("a"), "");
  EXPECT_EQ(ListFolder(folder.path()).value(),
            (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(ListFolder(folder.File("none")).value().empty());
}

TEST(StoreFolderTest, WithoutALockOnlyOldTemporaryFilesAreRemoved) {
  const TempFolder folder;
  const std::string young = "plan.h5.0123456789abcdef.tmp";
  const std::string old = "store.json.0123456789abcdef.tmp";
  for (const std::string& name : {young, old, std::string("mine.tmp")}) {
    WriteWholeFile(folder.File(name), "");
  }
  using std::filesystem::last_write_time;
  const auto now = last_write_time(folder.File(young));
  last_write_time(folder.File(old), now - std::chrono::minutes(61));
  last_write_time(folder.File("mine.tmp"), now - std::chrono::hours(100));
  last_write_time(folder.File(young), now - std::chrono::minutes(50));
  SeenFiles files = SeeFiles(folder.path()).value();
  EXPECT_EQ(files.size(), 3u);
  EXPECT_TRUE(RemoveTemporaryFiles(folder.path(), files, false).ok());
  EXPECT_EQ(folder.Names(), (std::vector<std::string>{"mine.tmp", young}));
  EXPECT_TRUE(RemoveTemporaryFiles(folder.path(), {}, true).ok());
  EXPECT_EQ(folder.Names(), (std::vector<std::string>{"mine.tmp", young}));
  files = SeeFiles(folder.path()).value();
  EXPECT_TRUE(RemoveTemporaryFiles(folder.path(), files, true).ok());
  EXPECT_EQ(folder.Names(), std::vector<std::string>{"mine.tmp"});
}

TEST(StoreFolderTest, FindsTheParent) {
  EXPECT_EQ(ParentFolder("a"), ".");
  EXPECT_EQ(ParentFolder("a/b"), "a");
  EXPECT_EQ(ParentFolder("/a"), "/");
}

}  // namespace
}  // namespace melmill
