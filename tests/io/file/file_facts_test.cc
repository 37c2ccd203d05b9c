#include "io/file/file_facts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <filesystem>
#include <limits>
#include <string>

#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

constexpr time_t kNow = 1'700'000'000;

struct stat StatusOf(timespec changed, timespec modified, ino_t inode = 7) {
  struct stat status = {};
  status.st_ctim = changed;
  status.st_mtim = modified;
  status.st_ino = inode;
  return status;
}

FileFacts Facts(timespec changed, timespec modified, ino_t inode = 7,
                bool only_modified = false) {
  return MakeFileFacts(StatusOf(changed, modified, inode), {kNow, 500},
                       only_modified);
}

TEST(FileFactsTest, TheSameFactsAreNotTouched) {
  const FileFacts facts = Facts({kNow - 10, 3}, {kNow - 20, 4});
  EXPECT_TRUE(facts.is_known());
  EXPECT_FALSE(FileFacts().is_known());
  EXPECT_EQ(facts.flags, 0u);
  EXPECT_FALSE(LooksTouched(facts, facts));
}

TEST(FileFactsTest, AnyOtherFactIsTouched) {
  const FileFacts facts = Facts({kNow - 10, 3}, {kNow - 20, 4}, 7);
  EXPECT_TRUE(LooksTouched(facts, Facts({kNow - 10, 4}, {kNow - 20, 4}, 7)));
  EXPECT_TRUE(LooksTouched(facts, Facts({kNow - 10, 3}, {kNow - 20, 3}, 7)));
  EXPECT_TRUE(LooksTouched(facts, Facts({kNow - 10, 3}, {kNow - 20, 4}, 8)));
  EXPECT_TRUE(LooksTouched(facts, Facts({kNow - 11, 3}, {kNow - 20, 4}, 7)));
}

TEST(FileFactsTest, ChangesOfTheLastTwoSecondsAreNotSettled) {
  const timespec old = {kNow - 99, 0};
  for (const timespec young :
       {timespec{kNow, 0}, timespec{kNow - 1, 999'999'999},
        timespec{kNow - 2, 501}, timespec{kNow + 5, 0},
        timespec{std::numeric_limits<time_t>::max(), 0}}) {
    const FileFacts facts = Facts(young, old);
    EXPECT_EQ(facts.flags, FileFacts::kUnsettled) << young.tv_sec;
    EXPECT_TRUE(LooksTouched(facts, facts));
  }
  for (const timespec settled :
       {timespec{kNow - 2, 500}, timespec{kNow - 3, 0}, timespec{-5, 0}}) {
    EXPECT_EQ(Facts(settled, {kNow, 0}).flags, 0u) << settled.tv_sec;
  }
}

// The clock may have been set back in between.
TEST(FileFactsTest, WhetherItWasSettledCounts) {
  const FileFacts settled = Facts({kNow - 10, 3}, {kNow - 20, 4});
  FileFacts unsettled = settled;
  unsettled.flags |= FileFacts::kUnsettled;
  EXPECT_TRUE(LooksTouched(unsettled, settled));
  EXPECT_FALSE(LooksTouched(settled, unsettled));
}

TEST(FileFactsTest, OnNetworkMountsOnlyTheTimeOfModificationCounts) {
  const FileFacts facts = Facts({kNow, 0}, {kNow - 20, 4}, 7, true);
  EXPECT_EQ(facts.flags, FileFacts::kOnlyModified);
  EXPECT_FALSE(
      LooksTouched(facts, Facts({kNow - 1, 0}, {kNow - 20, 4}, 8, true)));
  EXPECT_TRUE(LooksTouched(facts, Facts({kNow, 0}, {kNow - 20, 5}, 7, true)));
  EXPECT_NE(
      Facts({kNow - 9, 0}, {kNow, 0}, 7, true).flags & FileFacts::kUnsettled,
      0u);
  // The corpus moved from there to a disk.
  EXPECT_TRUE(LooksTouched(facts, Facts({kNow - 9, 0}, {kNow - 20, 4}, 7)));
}

TEST(FileFactsTest, AnUnsettledFileWithTheSameTimesIsInTheSameState) {
  const FileFacts unsettled = Facts({kNow, 0}, {kNow, 0});
  EXPECT_TRUE(IsSameState(unsettled, unsettled));
  FileFacts settled = unsettled;
  settled.flags = 0;
  EXPECT_TRUE(IsSameState(unsettled, settled));
  EXPECT_FALSE(IsSameState(unsettled, Facts({kNow, 1}, {kNow, 0})));
  EXPECT_FALSE(IsSameState(FileFacts(), FileFacts()));
  EXPECT_FALSE(IsSameState(FileFacts(), settled));
  EXPECT_FALSE(IsSameState(settled, FileFacts()));
}

TEST(FileFactsTest, KnowsNetworkAndUserFileSystems) {
  for (const uint64_t type :
       {0x6969u, 0x517Bu, 0xFF534D42u, 0xFE534D42u, 0x65735546u, 0x01021997u,
        0x0BD00BD0u, 0x00C36400u, 0x5346414Fu, 0x6B414653u, 0x73757245u,
        0x564Cu, 0x47504653u, 0x19830326u, 0xAAD7AAEAu, 0x786F4256u,
        0xBACBACBCu, 0x4D44u, 0x2011BAB0u}) {
    EXPECT_TRUE(TellsOnlyModified(type)) << type;
  }
  for (const uint64_t type : {0xEF53u, 0x58465342u, 0x01021994u, 0x794C7630u}) {
    EXPECT_FALSE(TellsOnlyModified(type));
  }
}

TEST(FileFactsTest, AreThoseOfTheOpenFile) {
  const TempFolder folder;
  const std::string path = folder.File("a");
  WriteWholeFile(path, "abc");
  const int fd = open(path.c_str(), O_RDONLY);
  struct stat status = {};
  ASSERT_EQ(fstat(fd, &status), 0);
  const FileFacts facts = TakeFileFacts(fd, status);
  EXPECT_EQ(facts.inode, status.st_ino);
  struct statfs mount = {};
  ASSERT_EQ(fstatfs(fd, &mount), 0);
  const uint64_t kind = TellsOnlyModified(static_cast<uint32_t>(mount.f_type))
                            ? FileFacts::kOnlyModified
                            : 0;
  EXPECT_EQ(facts.flags, kind | FileFacts::kUnsettled);
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  ASSERT_EQ(fstat(fd, &status), 0);
  EXPECT_TRUE(LooksTouched(facts, TakeFileFacts(fd, status)));
  close(fd);
}

TEST(FileFactsTest, AFileThatHasLongBeenThereIsSettled) {
  const int fd = open("/bin/sh", O_RDONLY);
  struct stat status = {};
  ASSERT_EQ(fstat(fd, &status), 0);
  EXPECT_EQ(TakeFileFacts(fd, status).flags & FileFacts::kUnsettled, 0u);
  close(fd);
}

}  // namespace
}  // namespace melmill
