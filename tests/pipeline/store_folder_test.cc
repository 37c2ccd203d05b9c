#include "pipeline/store_folder.h"

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

TEST(StoreFolderTest, KnowsTheNamesMelmillMakes) {
  for (const char* name :
       {"store.json", "plan.h5", "rejects.jsonl", ".lock", "train.rows.h5",
        "train.accepted.jsonl", "train.0123456789ab.h5", "store.json.tmp",
        "train.0123456789ab.h5.tmp", ".table-a1b2c3"}) {
    EXPECT_TRUE(IsStoreFileName(name)) << name;
  }
  for (const char* name :
       {"notes.txt", "train.h5", "train.jsonl", "train.0123456789AB.h5",
        "train-0123456789ab.h5", ".0123456789ab.h5", "train.0123456789.h5",
        ".tmp", "a.tmp"}) {
    EXPECT_FALSE(IsStoreFileName(name)) << name;
  }
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
