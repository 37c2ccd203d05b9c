#include "io/file/name_change.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "io/file/temporary_name.h"
#include "tests/support/temp_folder.h"

namespace {

// The calls below do this first, and only once: another process comes first.
std::function<void()> before_rename;
// The errno that they fail with; 0 for none.
int renameat2_error = 0;
int link_error = 0;
bool links_all_the_same = false;

void LetTheOtherGoFirst() {
  if (before_rename) std::exchange(before_rename, nullptr)();
}

}  // namespace

// The code under test calls this instead of the C library's.
extern "C" int renameat2(int from_folder, const char* from, int to_folder,
                         const char* to, unsigned flags) noexcept {
  LetTheOtherGoFirst();
  if (renameat2_error != 0) {
    errno = renameat2_error;
    return -1;
  }
  return static_cast<int>(
      syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

extern "C" int rename(const char* from, const char* to) noexcept {
  LetTheOtherGoFirst();
  return static_cast<int>(
      syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

extern "C" int link(const char* from, const char* to) noexcept {
  if (link_error != 0 && !links_all_the_same) {
    errno = link_error;
    return -1;
  }
  const int made = linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
  if (made != 0 || link_error == 0) return made;
  errno = link_error;
  return -1;
}

namespace melmill {
namespace {

using Names = std::vector<std::string>;

FileIdentity IdentityOf(const std::string& path) {
  const auto identity = Identify(path);
  EXPECT_TRUE(identity.ok() && identity.value()) << path;
  return identity.ok() ? identity.value().value_or(FileIdentity())
                       : FileIdentity();
}

void SetModified(const std::string& path, timespec time) {
  const timespec times[] = {time, time};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

// Overwrites the file in place.
void WriteOver(const std::string& path, const std::string& text) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file << text;
}

TEST(IdentifyTest, TellsFilesApart) {
  const TempFolder folder;
  EXPECT_FALSE(Identify(folder.File("a")).value());
  WriteWholeFile(folder.File("a"), "a");
  const FileIdentity seen = IdentityOf(folder.File("a"));
  EXPECT_EQ(IdentityOf(folder.File("a")), seen);
  WriteWholeFile(folder.File("b"), "a");
  EXPECT_NE(IdentityOf(folder.File("b")), seen);
  std::filesystem::rename(folder.File("a"), folder.File("c"));
  EXPECT_EQ(IdentityOf(folder.File("c")), seen);
  const auto failed = Identify(folder.File("c/d"));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().detail, ENOTDIR);
}

TEST(IdentifyTest, AnyOtherInodeSizeOrTimeIsAnotherFile) {
  const TempFolder folder;
  const std::string path = folder.File("a");
  WriteWholeFile(path, "a");
  WriteWholeFile(folder.File("b"), "a");
  SetModified(path, {7, 3});
  SetModified(folder.File("b"), {7, 3});
  const FileIdentity seen = IdentityOf(path);
  EXPECT_NE(IdentityOf(folder.File("b")), seen);
  WriteOver(path, "aa");
  SetModified(path, {7, 3});
  EXPECT_NE(IdentityOf(path), seen);
  std::filesystem::resize_file(path, 1);
  SetModified(path, {7, 4});
  EXPECT_NE(IdentityOf(path), seen);
  SetModified(path, {8, 3});
  EXPECT_NE(IdentityOf(path), seen);
  SetModified(path, {7, 3});
  EXPECT_EQ(IdentityOf(path), seen);
}

TEST(IdentifyTest, OfALinkIsTheLinksOwn) {
  const TempFolder folder;
  WriteWholeFile(folder.File("a"), "a");
  std::filesystem::create_symlink(folder.File("a"), folder.File("link"));
  EXPECT_NE(IdentityOf(folder.File("link")), IdentityOf(folder.File("a")));
  const FileIdentity seen = IdentityOf(folder.File("link"));
  EXPECT_TRUE(RemoveIfSame(folder.File("link"), seen).value());
  EXPECT_EQ(folder.Names(), Names{"a"});
}

TEST(NameIfFreeTest, NeverTakesTheNameOfAnother) {
  const TempFolder folder;
  WriteWholeFile(folder.File("a"), "a");
  EXPECT_TRUE(NameIfFree(folder.File("a"), folder.File("b")).value());
  EXPECT_EQ(folder.Names(), Names{"b"});
  WriteWholeFile(folder.File("a"), "other");
  EXPECT_FALSE(NameIfFree(folder.File("a"), folder.File("b")).value());
  EXPECT_EQ(ReadWholeFile(folder.File("b")), "a");
  EXPECT_EQ(ReadWholeFile(folder.File("a")), "other");
  const auto failed = NameIfFree(folder.File("none"), folder.File("c"));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().detail, ENOENT);
}

TEST(ReplaceIfSameTest, ReplacesOnlyWhatWasSeen) {
  const TempFolder folder;
  WriteWholeFile(folder.File("new"), "new");
  WriteWholeFile(folder.File("a"), "old");
  const FileIdentity seen = IdentityOf(folder.File("a"));
  WriteOver(folder.File("a"), "older");
  EXPECT_FALSE(
      ReplaceIfSame(folder.File("new"), folder.File("a"), seen).value());
  EXPECT_EQ(ReadWholeFile(folder.File("a")), "older");
  EXPECT_TRUE(ReplaceIfSame(folder.File("new"), folder.File("a"),
                            IdentityOf(folder.File("a")))
                  .value());
  EXPECT_EQ(ReadWholeFile(folder.File("a")), "new");
  EXPECT_EQ(folder.Names(), Names{"a"});
  WriteWholeFile(folder.File("new"), "new");
  EXPECT_FALSE(
      ReplaceIfSame(folder.File("new"), folder.File("b"), seen).value());
  EXPECT_EQ(folder.Names(), (Names{"a", "new"}));
}

TEST(RemoveIfSameTest, RemovesOnlyWhatWasSeen) {
  const TempFolder folder;
  WriteWholeFile(folder.File("a"), "old");
  const FileIdentity seen = IdentityOf(folder.File("a"));
  WriteOver(folder.File("a"), "older");
  before_rename = [] { ADD_FAILURE() << "takes the name away for a moment"; };
  EXPECT_FALSE(RemoveIfSame(folder.File("a"), seen).value());
  before_rename = nullptr;
  EXPECT_EQ(folder.Names(), Names{"a"});
  EXPECT_TRUE(
      RemoveIfSame(folder.File("a"), IdentityOf(folder.File("a"))).value());
  EXPECT_TRUE(folder.Names().empty());
  EXPECT_FALSE(RemoveIfSame(folder.File("a"), seen).value());
}

// Another process changes the file between the look and the change.
class QuickerProcessTest : public testing::Test {
 protected:
  QuickerProcessTest() {
    WriteWholeFile(new_, "new");
    WriteWholeFile(name_, "old");
  }
  ~QuickerProcessTest() override { before_rename = nullptr; }

  // The other process puts a file of its own there.
  void LetItReplace() {
    before_rename = [this] {
      WriteWholeFile(folder_.File("other"), "other");
      std::filesystem::rename(folder_.File("other"), name_);
    };
  }

  const TempFolder folder_;
  const std::string new_ = folder_.File("new");
  const std::string name_ = folder_.File("name");
};

TEST_F(QuickerProcessTest, KeepsTheFileThatWouldBeReplaced) {
  LetItReplace();
  EXPECT_FALSE(ReplaceIfSame(new_, name_, IdentityOf(name_)).value());
  EXPECT_EQ(ReadWholeFile(name_), "other");
  EXPECT_EQ(ReadWholeFile(new_), "new");
  EXPECT_EQ(folder_.Names(), (Names{"name", "new"}));
}

TEST_F(QuickerProcessTest, KeepsTheFileThatWouldBeRemoved) {
  LetItReplace();
  EXPECT_FALSE(RemoveIfSame(name_, IdentityOf(name_)).value());
  EXPECT_EQ(ReadWholeFile(name_), "other");
  EXPECT_EQ(folder_.Names(), (Names{"name", "new"}));
}

TEST_F(QuickerProcessTest, MayRemoveTheFileItself) {
  before_rename = [this] { std::filesystem::remove(name_); };
  EXPECT_FALSE(RemoveIfSame(name_, IdentityOf(name_)).value());
  EXPECT_EQ(folder_.Names(), Names{"new"});
}

TEST_F(QuickerProcessTest, KeepsItsNameWhereNamesAreGiven) {
  LetItReplace();
  EXPECT_FALSE(NameIfFree(new_, name_).value());
  EXPECT_EQ(ReadWholeFile(name_), "other");
}

// File systems that do not support all of these calls.
class PoorFileSystemTest : public testing::TestWithParam<int> {
 protected:
  PoorFileSystemTest() {
    renameat2_error = EINVAL;
    link_error = GetParam();
    WriteWholeFile(folder_.File("a"), "a");
  }
  ~PoorFileSystemTest() override {
    renameat2_error = link_error = 0;
    links_all_the_same = false;
  }

  const TempFolder folder_;
};

TEST_P(PoorFileSystemTest, GivesFreeNamesOnly) {
  EXPECT_TRUE(NameIfFree(folder_.File("a"), folder_.File("b")).value());
  EXPECT_EQ(folder_.Names(), Names{"b"});
  WriteWholeFile(folder_.File("a"), "other");
  EXPECT_FALSE(NameIfFree(folder_.File("a"), folder_.File("b")).value());
  EXPECT_EQ(ReadWholeFile(folder_.File("b")), "a");
  EXPECT_EQ(ReadWholeFile(folder_.File("a")), "other");
}

TEST_P(PoorFileSystemTest, ReplacesWhatWasSeen) {
  WriteWholeFile(folder_.File("b"), "b");
  const FileIdentity seen = IdentityOf(folder_.File("b"));
  EXPECT_TRUE(
      ReplaceIfSame(folder_.File("a"), folder_.File("b"), seen).value());
  EXPECT_EQ(folder_.Names(), Names{"b"});
  EXPECT_EQ(ReadWholeFile(folder_.File("b")), "a");
}

INSTANTIATE_TEST_SUITE_P(LinksFailWith, PoorFileSystemTest,
                         testing::Values(0, EPERM, EMLINK, ENOSYS, ENOTSUP));

using LostAnswerTest = PoorFileSystemTest;

TEST_P(LostAnswerTest, ALinkThatWasMadeCounts) {
  links_all_the_same = true;
  EXPECT_TRUE(NameIfFree(folder_.File("a"), folder_.File("b")).value());
  EXPECT_EQ(folder_.Names(), Names{"b"});
}

TEST_P(LostAnswerTest, OtherFaultsAreTold) {
  const auto failed = NameIfFree(folder_.File("a"), folder_.File("b"));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().detail, GetParam());
  EXPECT_EQ(folder_.Names(), Names{"a"});
}

INSTANTIATE_TEST_SUITE_P(LinkFailsWith, LostAnswerTest,
                         testing::Values(EIO, ENOSPC));

TEST(HaveSameBytesTest, ComparesAllOfThem) {
  const TempFolder folder;
  std::string bytes((size_t{2} << 20) + 5, 'x');
  WriteWholeFile(folder.File("a"), bytes);
  WriteWholeFile(folder.File("b"), bytes);
  EXPECT_TRUE(HaveSameBytes(folder.File("a"), folder.File("b")));
  for (const size_t at : {size_t{0}, size_t{1} << 20, bytes.size() - 1}) {
    std::string other = bytes;
    other[at] ^= 1;
    WriteWholeFile(folder.File("b"), other);
    EXPECT_FALSE(HaveSameBytes(folder.File("a"), folder.File("b"))) << at;
  }
  WriteWholeFile(folder.File("b"), bytes + "x");
  EXPECT_FALSE(HaveSameBytes(folder.File("a"), folder.File("b")));
  EXPECT_FALSE(HaveSameBytes(folder.File("a"), folder.File("none")));
  EXPECT_FALSE(HaveSameBytes(folder.path(), folder.path()));
}

}  // namespace
}  // namespace melmill
