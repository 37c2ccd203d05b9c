#include "pipeline/store_folder.h"

#include <gtest/gtest.h>

#include "io/temporary_name.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

TEST(StoreFolderTest, KnowsTheNamesMelmillMakes) {
  for (const char* name :
       {"store.json", "plan.h5", "rejects.jsonl", ".lock", "train.rows.h5",
        "train.accepted.jsonl", "train.0123456789ab.h5", ".suspects",
        ".suspects.0123456789abcdef"}) {
    EXPECT_TRUE(IsStoreFileName(name)) << name;
    EXPECT_FALSE(IsTemporaryFileName(name)) << name;
    EXPECT_TRUE(IsStoreFileName(TemporaryName(name))) << name;
    EXPECT_TRUE(IsTemporaryFileName(TemporaryName(name))) << name;
  }
  for (const char* name :
       {"notes.txt", "train.h5", "train.jsonl", "train.0123456789AB.h5",
        "train-0123456789ab.h5", ".0123456789ab.h5", "train.0123456789.h5", "a",
        ".suspects.0123456789abcde", ".suspects."}) {
    EXPECT_FALSE(IsStoreFileName(name)) << name;
    EXPECT_FALSE(IsStoreFileName(TemporaryName(name))) << name;
  }
  for (const char* name :
       {".tmp", "a.tmp", ".table-", ".table-a1b2c", ".table-of-contents"}) {
    EXPECT_FALSE(IsStoreFileName(name)) << name;
  }
  EXPECT_EQ(SuspectsFileName(), ".suspects." + ProcessTag());
  EXPECT_TRUE(IsSuspectsFileName(SuspectsFileName()));
  EXPECT_TRUE(IsSuspectsFileName(".suspects"));
  EXPECT_FALSE(IsSuspectsFileName(".suspect"));
}

TEST(StoreFolderTest, KnowsTheTemporaryNamesOfEarlierVersions) {
  for (const char* name :
       {"store.json.tmp", "plan.h5.tmp", "train.0123456789ab.h5.tmp"}) {
    EXPECT_TRUE(IsTemporaryFileName(name)) << name;
  }
  // A user's own filter may have made it, and be at work.
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

TEST(StoreFolderTest, FindsTheParent) {
  EXPECT_EQ(ParentFolder("a"), ".");
  EXPECT_EQ(ParentFolder("a/b"), "a");
  EXPECT_EQ(ParentFolder("/a"), "/");
}

}  // namespace
}  // namespace melmill
