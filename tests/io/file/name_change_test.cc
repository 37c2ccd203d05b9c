#include "io/file/name_change.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "io/file/temporary_name.h"
#include "tests/support/temp_folder.h"

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

// Writes to the file as it is.
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
  EXPECT_FALSE(RemoveIfSame(folder.File("a"), seen).value());
  EXPECT_EQ(folder.Names(), Names{"a"});
  EXPECT_TRUE(
      RemoveIfSame(folder.File("a"), IdentityOf(folder.File("a"))).value());
  EXPECT_TRUE(folder.Names().empty());
  EXPECT_FALSE(RemoveIfSame(folder.File("a"), seen).value());
}

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
