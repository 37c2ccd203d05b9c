#include "io/file/durable_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "io/file/temporary_name.h"
#include "tests/support/limited_child.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

using Names = std::vector<std::string>;

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

void ExpectFault(const Error& error, int error_number, std::string_view what) {
  EXPECT_EQ(error.code, ErrorCode::kMachineFault);
  EXPECT_EQ(error.detail, error_number) << error.message;
  EXPECT_NE(error.message.find(what), std::string::npos) << error.message;
}

TEST(DurableFileTest, HasItsFinalNameOnlyAfterCommit) {
  const TempFolder folder;
  const std::string path = folder.File("a");
  auto file = DurableFile::Create(path);
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(file.value().path(), path);
  ASSERT_TRUE(file.value().WriteAt(3, Bytes("def")).ok());
  ASSERT_TRUE(file.value().WriteAt(0, Bytes("abc")).ok());
  EXPECT_EQ(folder.Names(), Names{TemporaryName("a")});
  ASSERT_TRUE(file.value().Commit().ok());
  EXPECT_EQ(folder.Names(), Names{"a"});
  EXPECT_EQ(ReadWholeFile(path), "abcdef");
}

TEST(DurableFileTest, IsRemovedWhenItIsDestroyedWithoutCommit) {
  const TempFolder folder;
  {
    auto file = DurableFile::Create(folder.File("a"));
    ASSERT_TRUE(file.ok() && file.value().Append("text").ok());
    DurableFile moved = std::move(file).value();
    EXPECT_EQ(folder.Names(), Names{TemporaryName("a")});
  }
  EXPECT_TRUE(folder.Names().empty());
}

TEST(DurableFileTest, AssigningDiscardsTheFileThatWasThere) {
  const TempFolder folder;
  auto first = DurableFile::Create(folder.File("first"));
  auto second = DurableFile::Create(folder.File("second"));
  ASSERT_TRUE(first.ok() && second.ok());
  first.value() = std::move(second).value();
  EXPECT_EQ(folder.Names(), Names{TemporaryName("second")});
  EXPECT_TRUE(first.value().Commit().ok());
  EXPECT_EQ(folder.Names(), Names{"second"});
}

ino_t Inode(const std::string& path) {
  struct stat status = {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_ino;
}

TEST(DurableFileTest, CommitKeepsAFileThatIsThere) {
  const TempFolder folder;
  const std::string path = folder.File("a");
  WriteWholeFile(path, "theirs");
  const ino_t inode = Inode(path);
  for (const char* text : {"mine, longer", "others", ""}) {
    const auto written = WriteFileDurably(path, text);
    ASSERT_FALSE(written.ok()) << text;
    ExpectFault(written.error(), EEXIST, path + ": another process made it");
  }
  EXPECT_TRUE(WriteFileDurably(path, "theirs").ok());
  EXPECT_EQ(ReadWholeFile(path), "theirs");
  EXPECT_EQ(Inode(path), inode);
  EXPECT_EQ(folder.Names(), Names{"a"});
}

TEST(DurableFileTest, CommitReplacesOnlyWhatWasSeen) {
  const TempFolder folder;
  const std::string path = folder.File("a");
  const auto replace = [&](std::string_view text, const FileIdentity& seen) {
    auto file = DurableFile::Create(path);
    EXPECT_TRUE(file.ok() && file.value().Append(text).ok());
    return file.value().Commit(seen);
  };
  WriteWholeFile(path, "old");
  const FileIdentity old = *Identify(path).value();
  ASSERT_TRUE(replace("new", old).ok());
  EXPECT_EQ(ReadWholeFile(path), "new");
  const ino_t inode = Inode(path);
  EXPECT_FALSE(replace("newer", old).ok());
  EXPECT_TRUE(replace("new", old).ok());  // another process made the same
  EXPECT_TRUE(replace("new", *Identify(path).value()).ok());
  EXPECT_EQ(ReadWholeFile(path), "new");
  EXPECT_EQ(Inode(path), inode);
  std::filesystem::remove(path);
  EXPECT_FALSE(replace("newer", old).ok());
  EXPECT_TRUE(folder.Names().empty());
}

TEST(DurableFileTest, AFileThatAnotherProcessRemovedIsAFault) {
  const TempFolder folder;
  auto file = DurableFile::Create(folder.File("a"));
  ASSERT_TRUE(file.ok() && file.value().Append("text").ok());
  std::filesystem::remove(TemporaryName(folder.File("a")));
  const auto committed = file.value().Commit();
  ASSERT_FALSE(committed.ok());
  ExpectFault(committed.error(), ENOENT, "its temporary file was removed");
  EXPECT_TRUE(folder.Names().empty());
}

TEST(DurableFileTest, DoesNotWriteThroughALink) {
  const TempFolder folder;
  WriteWholeFile(folder.File("target"), "mine");
  std::filesystem::create_symlink(folder.File("target"),
                                  TemporaryName(folder.File("a")));
  EXPECT_FALSE(DurableFile::Adopt(folder.File("a")).ok());
  EXPECT_FALSE(DurableFile::Create(folder.File("a")).ok());
  EXPECT_EQ(ReadWholeFile(folder.File("target")), "mine");
}

TEST(DurableFileTest, AppendsInOrderWhateverTheSizes) {
  const TempFolder folder;
  auto file = DurableFile::Create(folder.File("a"));
  ASSERT_TRUE(file.ok());
  std::string expected;
  for (const size_t size : {1, 0, 70'000, 3, 65'535, 1, 200'000, 5}) {
    const std::string piece(size, static_cast<char>('a' + size % 26));
    ASSERT_TRUE(file.value().Append(piece).ok());
    expected += piece;
  }
  ASSERT_TRUE(file.value().Flush().ok());
  std::string read(expected.size(), '\0');
  ASSERT_TRUE(
      file.value().ReadAt(0, std::as_writable_bytes(std::span(read))).ok());
  EXPECT_EQ(read, expected);
  ASSERT_TRUE(file.value().Append("end").ok());
  ASSERT_TRUE(file.value().Commit().ok());
  EXPECT_EQ(ReadWholeFile(folder.File("a")), expected + "end");
}

TEST(DurableFileTest, ReadingBehindTheEndIsAnError) {
  const TempFolder folder;
  auto file = DurableFile::Create(folder.File("a"));
  ASSERT_TRUE(file.ok() && file.value().WriteAt(0, Bytes("abc")).ok());
  std::array<std::byte, 4> bytes = {};
  const auto read = file.value().ReadAt(0, bytes);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::kMachineFault);
}

TEST(DurableFileTest, AdoptsAFileThatIsThere) {
  const TempFolder folder;
  WriteWholeFile(TemporaryName(folder.File("a")), "abc");
  auto file = DurableFile::Adopt(folder.File("a"));
  ASSERT_TRUE(file.ok() && file.value().WriteAt(1, Bytes("X")).ok());
  ASSERT_TRUE(file.value().Commit().ok());
  EXPECT_EQ(ReadWholeFile(folder.File("a")), "aXc");
  const auto missing = DurableFile::Adopt(folder.File("b"));
  ASSERT_FALSE(missing.ok());
  ExpectFault(missing.error(), ENOENT, TemporaryName(folder.File("b")));
}

TEST(DurableFileTest, ReserveTakesDiskSpaceOrDoesNothing) {
  const TempFolder folder;
  auto file = DurableFile::Create(folder.File("a"));
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(file.value().Reserve(1'000'000).ok());
  struct stat status = {};
  ASSERT_EQ(::stat(TemporaryName(folder.File("a")).c_str(), &status), 0);
  EXPECT_TRUE(status.st_blocks == 0 || status.st_blocks * 512 >= 1'000'000);
  EXPECT_TRUE(file.value().Reserve(0).ok());
  const auto too_much = file.value().Reserve(UINT64_MAX);
  ASSERT_FALSE(too_much.ok());
  ExpectFault(too_much.error(), EFBIG, folder.File("a"));
}

TEST(DurableFileTest, ManyThreadsMayWriteDifferentBytes) {
  const TempFolder folder;
  auto file = DurableFile::Create(folder.File("a"));
  ASSERT_TRUE(file.ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&file, t] {
      const std::string piece(10, static_cast<char>('a' + t));
      for (int i = t; i < 400; i += 4) {
        EXPECT_TRUE(file.value().WriteAt(i * 10u, Bytes(piece)).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(file.value().Commit().ok());
  const std::string text = ReadWholeFile(folder.File("a"));
  ASSERT_EQ(text.size(), 4000u);
  for (size_t i = 0; i < text.size(); ++i) {
    ASSERT_EQ(text[i], "abcd"[i / 10 % 4]) << i;
  }
}

TEST(DurableFileTest, AFullDiskIsAFaultAndLeavesNothing) {
  const TempFolder folder;
  EXPECT_EQ(RunWithFileSizeLimit(
                1000,
                [&folder] {
                  auto file = DurableFile::Create(folder.File("a"));
                  if (!file.ok()) return 1;
                  if (!file.value().Append(std::string(1001, 'x')).ok()) {
                    return 2;  // it is still only in the buffer
                  }
                  const auto committed = file.value().Commit();
                  if (committed.ok()) return 3;
                  if (committed.error().detail != EFBIG) return 4;
                  // It is removed at once, not only when the object is
                  // destroyed.
                  return folder.Names().empty() ? 0 : 5;
                }),
            0);
}

TEST(DurableFileTest, AFolderOfThatNameIsAFaultAndStays) {
  const TempFolder folder;
  std::filesystem::create_directory(folder.File("a"));
  const auto written = WriteFileDurably(folder.File("a"), "text");
  ASSERT_FALSE(written.ok());
  ExpectFault(written.error(), EEXIST, folder.File("a"));
  EXPECT_EQ(folder.Names(), Names{"a"});
}

TEST(DurableFileTest, AMissingFolderIsAFaultThatNamesThePath) {
  const TempFolder folder;
  const auto written = WriteFileDurably(folder.File("none/a"), "text");
  ASSERT_FALSE(written.ok());
  ExpectFault(written.error(), ENOENT, TemporaryName(folder.File("none/a")));
}

TEST(ReadSmallFileTest, ReadsAllOrSaysWhyNot) {
  const TempFolder folder;
  WriteWholeFile(folder.File("a"), "12345");
  const auto read = ReadSmallFile(folder.File("a"), 5);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read.value(), "12345");
  const auto large = ReadSmallFile(folder.File("a"), 4);
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().code, ErrorCode::kDamaged);
  const auto missing = ReadSmallFile(folder.File("b"), 5);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, RejectCode::kNotFound);
}

TEST(ReadSmallFileTest, DoesNotHangOnAFifo) {
  const TempFolder folder;
  ASSERT_EQ(::mkfifo(folder.File("fifo").c_str(), 0600), 0);
  const auto read = ReadSmallFile(folder.File("fifo"), 5);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::kDamaged);
}

TEST(RemoveFileTest, AFileThatIsNotThereIsNoError) {
  const TempFolder folder;
  WriteWholeFile(folder.File("a"), "x");
  EXPECT_TRUE(RemoveFile(folder.File("a")).ok());
  EXPECT_TRUE(folder.Names().empty());
  EXPECT_TRUE(RemoveFile(folder.File("a")).ok());
  EXPECT_FALSE(RemoveFile(folder.path()).ok());
}

TEST(SyncFolderTest, AMissingFolderIsAFault) {
  const TempFolder folder;
  EXPECT_TRUE(SyncFolder(folder.path()).ok());
  const auto synced = SyncFolder(folder.File("none"));
  ASSERT_FALSE(synced.ok());
  ExpectFault(synced.error(), ENOENT, folder.File("none"));
}

}  // namespace
}  // namespace melmill
