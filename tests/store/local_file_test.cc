#include "store/local_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <iterator>
#include <set>
#include <string>

#include "io/file/name_change.h"
#include "io/file/temporary_name.h"
#include "io/hash.h"
#include "tests/support/limited_child.h"
#include "tests/support/temp_folder.h"

namespace {

// The number of the read that fails with EIO, counted from the next one; 0 for
// none.
int failing_read = 0;
// The bytes of the largest read since this was set.
size_t largest_read = 0;

}  // namespace

// The code under test calls this instead of the C library's.
extern "C" ssize_t pread(int fd, void* bytes, size_t num_bytes, off_t offset) {
  largest_read = std::max(largest_read, num_bytes);
  if (failing_read > 0 && --failing_read == 0) {
    errno = EIO;
    return -1;
  }
  return syscall(SYS_pread64, fd, bytes, num_bytes, offset);
}

namespace melmill {
namespace {

constexpr size_t kFirstLineBytes = 16;

ShardId Id(uint8_t number, uint64_t checksum = 1) {
  ShardId id;
  id.fingerprint.fill(number);
  id.checksum = checksum;
  return id;
}

std::vector<FileFacts> MakeFacts(size_t count, uint64_t seed) {
  std::vector<FileFacts> facts;
  for (uint64_t i = 0; i < count; ++i) {
    facts.push_back({.changed_ns = seed + i,
                     .modified_ns = seed * 3 + i,
                     .inode = i,
                     .flags = i % 3});
  }
  return facts;
}

std::unique_ptr<LocalFile> Load(const std::string& path) {
  auto local = LocalFile::Load(path);
  EXPECT_TRUE(local.ok()) << local.error().message;
  return std::move(local).value();
}

std::optional<std::vector<FileFacts>> Find(const LocalFile& local,
                                           const ShardId& id) {
  auto found = local.Find(id);
  EXPECT_TRUE(found.ok()) << found.error().message;
  return found.value();
}

TEST(LocalFileTest, RemembersTheFactsOfEachShard) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  const auto local = Load(path);
  EXPECT_FALSE(local->exists());
  EXPECT_FALSE(Find(*local, Id(1)).has_value());
  // The second block is larger than what is read at a time.
  ASSERT_TRUE(local->Append(Id(1), MakeFacts(3, 10)).ok());
  ASSERT_TRUE(local->Append(Id(2), MakeFacts(5000, 20)).ok());
  const auto again = Load(path);
  for (const LocalFile* reader : {again.get(), local.get()}) {
    EXPECT_TRUE(reader->exists() && reader->is_whole());
    EXPECT_EQ(Find(*reader, Id(1)), MakeFacts(3, 10));
    EXPECT_EQ(Find(*reader, Id(2)), MakeFacts(5000, 20));
    EXPECT_FALSE(Find(*reader, Id(3)).has_value());
  }
}

TEST(LocalFileTest, FactsAreOfOneContentAlone) {
  const TempFolder folder;
  const auto local = Load(folder.File(".local"));
  ASSERT_TRUE(local->Append(Id(1, 7), MakeFacts(3, 10)).ok());
  const auto again = Load(folder.File(".local"));
  for (const LocalFile* reader : {again.get(), local.get()}) {
    EXPECT_TRUE(Find(*reader, Id(1, 7)).has_value());
    EXPECT_FALSE(Find(*reader, Id(1, 8)).has_value());
    EXPECT_FALSE(Find(*reader, Id(2, 7)).has_value());
  }
}

TEST(LocalFileTest, TheLastBlockWins) {
  const TempFolder folder;
  const auto local = Load(folder.File(".local"));
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    ASSERT_TRUE(local->Append(Id(1), MakeFacts(2, seed)).ok());
  }
  EXPECT_EQ(Find(*local, Id(1)), MakeFacts(2, 3));
  EXPECT_EQ(Find(*Load(folder.File(".local")), Id(1)), MakeFacts(2, 3));
}

// Wherever the file is cut, whole blocks stay, and more can be appended.
TEST(LocalFileTest, ATornTailIsIgnored) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  {
    const auto local = Load(path);
    ASSERT_TRUE(local->Append(Id(1), MakeFacts(2, 1)).ok());
    ASSERT_TRUE(local->Append(Id(2), MakeFacts(1, 2)).ok());
  }
  const std::string whole = ReadWholeFile(path);
  const size_t block_bytes = (whole.size() - kFirstLineBytes - 32) / 2;
  const size_t first_end = kFirstLineBytes + block_bytes + 32;
  for (size_t size = 0; size < whole.size(); ++size) {
    WriteWholeFile(path, whole.substr(0, size));
    const auto local = Load(path);
    EXPECT_TRUE(local->exists());
    EXPECT_EQ(local->is_whole(), size == kFirstLineBytes || size == first_end)
        << size;
    EXPECT_EQ(Find(*local, Id(1)).has_value(), size >= first_end) << size;
    EXPECT_FALSE(Find(*local, Id(2)).has_value()) << size;
    ASSERT_TRUE(local->Append(Id(3), MakeFacts(1, 3)).ok());
    const auto again = Load(path);
    EXPECT_TRUE(again->is_whole());
    EXPECT_EQ(Find(*again, Id(1)).has_value(), size >= first_end) << size;
    EXPECT_EQ(Find(*again, Id(3)), MakeFacts(1, 3));
  }
}

// Whichever byte changes, no block is read that was not written.
TEST(LocalFileTest, ADamagedBlockIsIgnored) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  {
    const auto local = Load(path);
    ASSERT_TRUE(local->Append(Id(1), MakeFacts(1, 1)).ok());
    ASSERT_TRUE(local->Append(Id(1), MakeFacts(1, 2)).ok());
  }
  const std::string whole = ReadWholeFile(path);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
    WriteWholeFile(path, damaged);
    const auto local = Load(path);
    EXPECT_FALSE(local->is_whole()) << at;
    const auto found = Find(*local, Id(1));
    EXPECT_TRUE(!found || *found == MakeFacts(1, 1) ||
                *found == MakeFacts(1, 2))
        << at;
  }
}

TEST(LocalFileTest, ADamagedBlockHidesNoOther) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  {
    const auto local = Load(path);
    ASSERT_TRUE(local->Append(Id(1), MakeFacts(1, 1)).ok());
    ASSERT_TRUE(local->Append(Id(2), MakeFacts(1, 2)).ok());
  }
  std::string damaged = ReadWholeFile(path);
  damaged[kFirstLineBytes + 20] ^= 1;  // in the first one's fingerprint
  WriteWholeFile(path, damaged);
  EXPECT_FALSE(Find(*Load(path), Id(1)).has_value());
  EXPECT_EQ(Find(*Load(path), Id(2)), MakeFacts(1, 2));
}

template <typename Value>
std::string BytesOf(const Value& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

std::string MakeBlock(uint32_t kind, const std::string& body) {
  const std::string block = BytesOf(kind) + BytesOf(uint32_t{0}) +
                            BytesOf(uint64_t{body.size()}) + body;
  return block + BytesOf(Xxh3_64(block));
}

// The body of a kFacts block that claims this many rows.
std::string MakeBody(const ShardId& id, uint64_t num_rows,
                     const std::vector<FileFacts>& facts) {
  std::string body =
      BytesOf(id.fingerprint) + BytesOf(id.checksum) + BytesOf(num_rows);
  for (const FileFacts& of_row : facts) body += BytesOf(of_row);
  return body;
}

// A file with a block of Id(1), followed by these bytes.
std::string FileWith(const TempFolder& folder, const std::string& bytes) {
  const std::string path = folder.File(".local");
  std::filesystem::remove(path);
  EXPECT_TRUE(Load(path)->Append(Id(1), MakeFacts(1, 1)).ok());
  WriteWholeFile(path, ReadWholeFile(path) + bytes);
  return path;
}

TEST(LocalFileTest, BlocksAreAsTheHeaderSays) {
  const TempFolder folder;
  const std::string path = FileWith(
      folder,
      MakeBlock(LocalFile::kFacts, MakeBody(Id(2), 3, MakeFacts(3, 2))));
  EXPECT_TRUE(Load(path)->is_whole());
  EXPECT_EQ(Find(*Load(path), Id(2)), MakeFacts(3, 2));
}

TEST(LocalFileTest, BlocksOfOtherKindsAreSkipped) {
  const TempFolder folder;
  const std::string path =
      FileWith(folder, MakeBlock(9, MakeBody(Id(1), 1, MakeFacts(1, 2))));
  EXPECT_TRUE(Load(path)->is_whole());
  EXPECT_EQ(Find(*Load(path), Id(1)), MakeFacts(1, 1));
}

TEST(LocalFileTest, BlocksOfAnotherSizeThanTheirRowsAreSkipped) {
  const TempFolder folder;
  for (const uint64_t num_rows :
       {uint64_t{0}, uint64_t{1}, uint64_t{3}, uint64_t{1} << 59, UINT64_MAX}) {
    const std::string path =
        FileWith(folder, MakeBlock(LocalFile::kFacts,
                                   MakeBody(Id(2), num_rows, MakeFacts(2, 2))));
    EXPECT_FALSE(Find(*Load(path), Id(2)).has_value()) << num_rows;
    EXPECT_EQ(Find(*Load(path), Id(1)), MakeFacts(1, 1));
  }
}

// Otherwise the bytes after it would be read as the rest of its head. Here they
// are an id and a number of rows that would fit.
TEST(LocalFileTest, ABlockTooSmallForAnIdIsSkipped) {
  const TempFolder folder;
  const std::string small = MakeBlock(LocalFile::kFacts, "");
  const std::string next = MakeBlock(9, BytesOf((uint64_t{0} - 32) / 32));
  const std::string path = FileWith(folder, small + next);
  const std::string head = (small + next).substr(16, 24);
  ShardId id;
  std::memcpy(id.fingerprint.data(), head.data(), 16);
  std::memcpy(&id.checksum, head.data() + 16, 8);
  EXPECT_FALSE(Find(*Load(path), id).has_value());
  EXPECT_EQ(Find(*Load(path), Id(1)), MakeFacts(1, 1));
}

TEST(LocalFileTest, ShardsThatAreTakenAsTheyAreHaveNoFacts) {
  const TempFolder folder;
  const auto local = Load(folder.File(".local"));
  ASSERT_TRUE(local->Rewrite({}, {Id(1), Id(2)}).ok());
  EXPECT_TRUE(local->exists() && local->is_whole());
  EXPECT_EQ(Find(*local, Id(1)), std::vector<FileFacts>());
  EXPECT_FALSE(Find(*local, Id(3)).has_value());
  EXPECT_EQ(folder.Names(), std::vector<std::string>{".local"});
}

TEST(LocalFileTest, CompactForgetsWhatIsNotAskedFor) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  const auto local = Load(path);
  ASSERT_TRUE(local->Compact({Id(1)}).ok());
  EXPECT_TRUE(folder.Names().empty());
  ASSERT_TRUE(local->Append(Id(1), MakeFacts(9, 77)).ok());
  ASSERT_TRUE(local->Append(Id(2), MakeFacts(9, 5)).ok());
  ASSERT_TRUE(local->Append(Id(2), MakeFacts(9, 5)).ok());
  const auto before = Identify(path);
  ASSERT_TRUE(local->Compact({Id(1), Id(2), Id(3)}).ok());
  EXPECT_EQ(Identify(path).value(), before.value());  // a third is superseded
  ASSERT_TRUE(local->Compact({Id(0), Id(2)}).ok());
  EXPECT_FALSE(Find(*local, Id(1)).has_value());
  EXPECT_EQ(Find(*local, Id(2)), MakeFacts(9, 5));
  ASSERT_TRUE(local->Append(Id(2), MakeFacts(9, 6)).ok());
  ASSERT_TRUE(local->Compact({Id(2)}).ok());
  EXPECT_EQ(Find(*local, Id(2)), MakeFacts(9, 6));
}

TEST(LocalFileTest, CompactReplacesADamagedFile) {
  const TempFolder folder;
  const std::string path = FileWith(folder, "torn");
  const auto local = Load(path);
  ASSERT_TRUE(local->Compact({Id(1)}).ok());
  EXPECT_TRUE(Load(path)->is_whole());
  EXPECT_EQ(Find(*local, Id(1)), MakeFacts(1, 1));
}

TEST(LocalFileTest, CompactHalvesWhatIsSuperseded) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  const auto local = Load(path);
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    ASSERT_TRUE(local->Append(Id(1), MakeFacts(9, seed)).ok());
  }
  const uint64_t before = std::filesystem::file_size(path);
  ASSERT_TRUE(local->Compact({Id(1)}).ok());
  EXPECT_LT(std::filesystem::file_size(path), before / 3);
  EXPECT_EQ(Find(*local, Id(1)), MakeFacts(9, 5));
  EXPECT_EQ(Find(*Load(path), Id(1)), MakeFacts(9, 5));
}

// The file is rewritten if at least half of it, counted to the byte with its
// first line, is superseded.
TEST(LocalFileTest, CompactLeavesWhatIsHardlySuperseded) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  const auto is_rewritten = [&path](std::initializer_list<size_t> num_rows) {
    std::filesystem::remove(path);
    const auto local = Load(path);
    for (const size_t rows : num_rows) {
      EXPECT_TRUE(local->Append(Id(1), MakeFacts(rows, 1)).ok());
    }
    const auto before = Identify(path);
    EXPECT_TRUE(local->Compact({Id(1)}).ok());
    return Identify(path).value() != before.value();
  };
  EXPECT_FALSE(is_rewritten({9, 9}));
  EXPECT_TRUE(is_rewritten({9, 9, 9}));
  EXPECT_TRUE(is_rewritten({0, 0, 0, 3}));  // 168 bytes of 336
  EXPECT_FALSE(is_rewritten({0, 0, 0, 4}));
}

size_t NumOpenFiles() {
  const std::filesystem::directory_iterator files("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

TEST(LocalFileTest, LeavesNoFileOpen) {
  const TempFolder folder;
  const size_t before = NumOpenFiles();
  {
    const auto local = Load(folder.File(".local"));
    ASSERT_TRUE(local->Append(Id(1), MakeFacts(1, 1)).ok());
    const size_t open = NumOpenFiles();
    ASSERT_TRUE(local->Rewrite({Id(1)}, {}).ok());
    ASSERT_TRUE(local->Append(Id(2), MakeFacts(1, 2)).ok());
    EXPECT_EQ(NumOpenFiles(), open);
  }
  EXPECT_EQ(NumOpenFiles(), before);
}

TEST(LocalFileTest, AFileThatSomebodyRemovesDoesNoHarm) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  const auto local = Load(path);
  ASSERT_TRUE(local->Append(Id(1), MakeFacts(1, 1)).ok());
  std::filesystem::remove(path);
  EXPECT_TRUE(local->Append(Id(2), MakeFacts(1, 1)).ok());
  EXPECT_TRUE(local->Compact({Id(1), Id(2)}).ok());
}

TEST(LocalFileTest, WhatIsNoFileIsReplaced) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);  // opening it may block
  const auto local = Load(path);
  EXPECT_TRUE(local->exists());
  EXPECT_FALSE(local->is_whole());
  ASSERT_TRUE(local->Append(Id(1), MakeFacts(1, 1)).ok());
  EXPECT_TRUE(std::filesystem::is_regular_file(path));
  EXPECT_EQ(Find(*Load(path), Id(1)), MakeFacts(1, 1));
}

TEST(LocalFileTest, AFolderInItsPlaceIsAFault) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  std::filesystem::create_directory(path);
  const auto appended = Load(path)->Append(Id(1), MakeFacts(1, 1));
  ASSERT_FALSE(appended.ok());
  EXPECT_EQ(appended.error().code, ErrorCode::kMachineFault);
  EXPECT_EQ(folder.Names(), std::vector<std::string>{".local"});
}

TEST(LocalFileTest, WhatAFailedRewriteLeftIsReplaced) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  WriteWholeFile(TemporaryName(path), "left");
  ASSERT_TRUE(Load(path)->Append(Id(1), MakeFacts(1, 1)).ok());
  EXPECT_EQ(Find(*Load(path), Id(1)), MakeFacts(1, 1));
  EXPECT_EQ(folder.Names(), std::vector<std::string>{".local"});
}

TEST(LocalFileTest, BlocksOfAnotherVersionAreNotRead) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  ASSERT_TRUE(Load(path)->Append(Id(1), MakeFacts(1, 1)).ok());
  std::string bytes = ReadWholeFile(path);
  bytes[kFirstLineBytes - 2] = '2';
  WriteWholeFile(path, bytes);
  EXPECT_FALSE(Load(path)->is_whole());
  EXPECT_FALSE(Find(*Load(path), Id(1)).has_value());
}

TEST(LocalFileTest, WhatIsCutOffMeanwhileIsNotFound) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  const auto local = Load(path);
  ASSERT_TRUE(local->Append(Id(1), MakeFacts(1, 1)).ok());
  ASSERT_TRUE(local->Append(Id(2), MakeFacts(9, 2)).ok());
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 100);
  EXPECT_EQ(Find(*local, Id(1)), MakeFacts(1, 1));
  EXPECT_FALSE(Find(*local, Id(2)).has_value());
}

TEST(LocalFileTest, AFileThatCannotBeOpenedIsAFault) {
  const TempFolder folder;
  WriteWholeFile(folder.File("file"), "");
  const auto local = LocalFile::Load(folder.File("file/.local"));
  ASSERT_FALSE(local.ok());
  EXPECT_EQ(local.error().code, ErrorCode::kMachineFault);
}

// Whether the error says that the file could not be read.
testing::AssertionResult IsReadFault(const Error& error,
                                     const std::string& path) {
  if (error.code == ErrorCode::kMachineFault && error.detail == EIO &&
      error.message.find("read " + path) != std::string::npos) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << error.message;
}

// It is not a damaged file, whose facts are lost: the facts may be intact.
TEST(LocalFileTest, AFileThatCannotBeReadIsAFault) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  {
    const auto local = Load(path);
    ASSERT_TRUE(local->Append(Id(1), MakeFacts(1, 1)).ok());
    ASSERT_TRUE(local->Append(Id(2), MakeFacts(5000, 2)).ok());
  }
  int num_failed = 0;
  while (true) {
    failing_read = num_failed + 1;
    const auto local = LocalFile::Load(path);
    if (failing_read > 0) break;  // there are fewer reads than that
    ++num_failed;
    ASSERT_FALSE(local.ok()) << num_failed;
    EXPECT_TRUE(IsReadFault(local.error(), path)) << num_failed;
  }
  failing_read = 0;
  // The reads are the first line, and for each block its head, checksum, pieces
  // and ids.
  EXPECT_EQ(num_failed, 1 + 4 + 3 + 3);
}

TEST(LocalFileTest, FactsThatCannotBeReadAreAFaultAndStay) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  const auto local = Load(path);
  ASSERT_TRUE(local->Append(Id(1), MakeFacts(1, 1)).ok());
  const std::string before = ReadWholeFile(path);
  failing_read = 1;
  const auto found = local->Find(Id(1));
  ASSERT_FALSE(found.ok());
  EXPECT_TRUE(IsReadFault(found.error(), path));
  failing_read = 1;
  const auto rewritten = local->Rewrite({Id(1)}, {Id(2)});
  ASSERT_FALSE(rewritten.ok());
  EXPECT_TRUE(IsReadFault(rewritten.error(), path));
  EXPECT_EQ(ReadWholeFile(path), before);
  EXPECT_EQ(folder.Names(), std::vector<std::string>{".local"});
  EXPECT_EQ(Find(*local, Id(1)), MakeFacts(1, 1));
}

// A block may be as large as the file, and both sizes may be made up.
TEST(LocalFileTest, ALargeBlockIsReadInPieces) {
  const TempFolder folder;
  const std::string path =
      FileWith(folder, MakeBlock(9, std::string(1'000'000, 'x')));
  largest_read = 0;
  EXPECT_TRUE(Load(path)->is_whole());
  EXPECT_EQ(largest_read, size_t{64} << 10);
}

// The number of the first condition that is false, from 1; 0 if all are true.
int FirstWrong(std::initializer_list<bool> conditions) {
  const auto* const wrong =
      std::find(conditions.begin(), conditions.end(), false);
  if (wrong == conditions.end()) return 0;
  return 1 + static_cast<int>(wrong - conditions.begin());
}

TEST(LocalFileTest, AFullDiskIsAFaultThatHarmsNoOtherBlock) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  ASSERT_TRUE(Load(path)->Append(Id(1), MakeFacts(2, 1)).ok());
  const int wrong = RunWithFileSizeLimit(10'000, [&path] {
    const auto local = Load(path);
    const bool was_told = !local->Append(Id(2), MakeFacts(5000, 2)).ok();
    return FirstWrong({was_told, local->Append(Id(3), MakeFacts(3, 3)).ok(),
                       Find(*local, Id(1)) == MakeFacts(2, 1),
                       !Find(*local, Id(2)),
                       Find(*local, Id(3)) == MakeFacts(3, 3)});
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(Load(path)->is_whole());
  EXPECT_EQ(Find(*Load(path), Id(3)), MakeFacts(3, 3));
}

TEST(LocalFileTest, AFullDiskLeavesTheOldFileInPlaceOfAHalfNewOne) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  ASSERT_TRUE(Load(path)->Append(Id(1), MakeFacts(100, 1)).ok());
  const std::string before = ReadWholeFile(path);
  // The limits allow none of the first line, some of a block, and the block but
  // no more.
  for (const uint64_t limit :
       {uint64_t{0}, uint64_t{100}, uint64_t{before.size()}}) {
    const int wrong = RunWithFileSizeLimit(limit, [&path] {
      return Load(path)->Rewrite({Id(1)}, {Id(2)}).ok() ? 1 : 0;
    });
    EXPECT_EQ(wrong, 0) << limit;
    EXPECT_EQ(ReadWholeFile(path), before);
    EXPECT_EQ(folder.Names(), std::vector<std::string>{".local"});
  }
}

// Each write may be the last one, and then none of the others fails.
TEST(LocalFileTest, AFullDiskIsAFaultWhateverIsWritten) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  ASSERT_TRUE(Load(path)->Append(Id(1), MakeFacts(100, 1)).ok());
  const std::string before = ReadWholeFile(path);
  const auto fails = [&path](uint64_t limit, const std::set<ShardId>& ids) {
    return RunWithFileSizeLimit(limit, [&] {
             return Load(path)->Rewrite(ids, {}).ok() ? 1 : 0;
           }) == 0;
  };
  EXPECT_TRUE(fails(kFirstLineBytes - 1, {}));
  EXPECT_FALSE(fails(kFirstLineBytes, {}));
  WriteWholeFile(path, before);
  EXPECT_TRUE(fails(before.size() - 1, {Id(1)}));
  EXPECT_EQ(ReadWholeFile(path), before);
  EXPECT_FALSE(fails(before.size(), {Id(1)}));
}

TEST(LocalFileTest, AFullDiskIsAFaultOfTheFirstBlockToo) {
  const TempFolder folder;
  const int wrong = RunWithFileSizeLimit(0, [&folder] {
    return Load(folder.File(".local"))->Append(Id(1), MakeFacts(1, 1)).ok();
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(folder.Names().empty());
}

// A planted link is neither read nor written to.
TEST(LocalFileTest, LinksAreReplaced) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  {
    const auto outside = Load(folder.File("outside"));
    ASSERT_TRUE(outside->Append(Id(1), MakeFacts(1, 1)).ok());
  }
  const std::string before = ReadWholeFile(folder.File("outside"));
  std::filesystem::create_symlink("outside", path);
  const auto local = Load(path);
  EXPECT_TRUE(local->exists());
  EXPECT_FALSE(Find(*local, Id(1)).has_value());
  ASSERT_TRUE(local->Append(Id(2), MakeFacts(1, 2)).ok());
  EXPECT_FALSE(std::filesystem::is_symlink(path));
  EXPECT_EQ(ReadWholeFile(folder.File("outside")), before);
  EXPECT_EQ(Find(*Load(path), Id(2)), MakeFacts(1, 2));
}

TEST(LocalFileTest, ALinkThatIsPutThereMeanwhileIsNotFollowed) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  const auto local = Load(path);
  ASSERT_TRUE(local->Append(Id(1), MakeFacts(1, 1)).ok());
  std::filesystem::rename(path, folder.File("outside"));
  const std::string before = ReadWholeFile(folder.File("outside"));
  std::filesystem::create_symlink("outside", path);
  EXPECT_FALSE(local->Append(Id(2), MakeFacts(1, 2)).ok());
  EXPECT_EQ(ReadWholeFile(folder.File("outside")), before);
}

TEST(LocalFileTest, RemembersTheOriginThroughAllChanges) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  const auto local = Load(path);
  ASSERT_TRUE(local->SetOrigin("first").ok());
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(local->Rewrite({}, {Id(1)}).ok());
  EXPECT_EQ(Load(path)->origin(), "first");
  ASSERT_TRUE(local->Append(Id(2), MakeFacts(2, 1)).ok());
  ASSERT_TRUE(local->SetOrigin("second").ok());
  EXPECT_EQ(local->origin(), "second");
  EXPECT_EQ(Load(path)->origin(), "second");
  const auto size = std::filesystem::file_size(path);
  ASSERT_TRUE(local->SetOrigin("second").ok());
  EXPECT_EQ(std::filesystem::file_size(path), size);
  ASSERT_TRUE(local->Rewrite({Id(2)}, {}).ok());
  const auto again = Load(path);
  for (const LocalFile* reader : {again.get(), local.get()}) {
    EXPECT_TRUE(reader->is_whole());
    EXPECT_EQ(reader->origin(), "second");
    EXPECT_EQ(Find(*reader, Id(2)), MakeFacts(2, 1));
  }
}

TEST(LocalFileTest, AnOriginIsNoReasonToRewrite) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  const auto local = Load(path);
  ASSERT_TRUE(local->SetOrigin(std::string(5000, 'x')).ok());
  ASSERT_TRUE(local->Append(Id(1), MakeFacts(1, 1)).ok());
  const auto before = Identify(path);
  ASSERT_TRUE(local->Compact({Id(1)}).ok());
  EXPECT_EQ(Identify(path).value(), before.value());
}

TEST(LocalFileTest, AHugeOriginIsNone) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  const auto local = Load(path);
  ASSERT_TRUE(local->Append(Id(1), MakeFacts(1, 1)).ok());
  ASSERT_TRUE(local->SetOrigin("small").ok());
  const std::string before = ReadWholeFile(path);
  const std::string huge(LocalFile::kMaxOriginBytes + 1, 'x');
  ASSERT_TRUE(local->SetOrigin(huge).ok());
  EXPECT_EQ(local->origin(), "");
  WriteWholeFile(path, before + MakeBlock(LocalFile::kOrigin, huge));
  EXPECT_EQ(Load(path)->origin(), "small");
}

TEST(LocalFileTest, ATornOriginIsIgnored) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  {
    const auto local = Load(path);
    ASSERT_TRUE(local->Append(Id(1), MakeFacts(1, 1)).ok());
  }
  const std::string before = ReadWholeFile(path);
  const std::string block = MakeBlock(LocalFile::kOrigin, "text");
  for (size_t size = 0; size < block.size(); ++size) {
    WriteWholeFile(path, before + block.substr(0, size));
    EXPECT_EQ(Load(path)->origin(), "") << size;
    EXPECT_TRUE(Find(*Load(path), Id(1)).has_value());
  }
}

}  // namespace
}  // namespace melmill
