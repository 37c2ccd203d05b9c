#include "store/local_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/support/temp_folder.h"

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
  // The second one is larger than what is read at a time.
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
  EXPECT_FALSE(Find(*local, Id(1, 8)).has_value());
  EXPECT_FALSE(Find(*local, Id(2, 7)).has_value());
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

// Cut anywhere, whole blocks stay, and more can be appended.
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

// Whichever byte is another one, no block is read that was not written.
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

TEST(LocalFileTest, BlocksOfOtherKindsAreSkipped) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  const auto local = Load(path);
  ASSERT_TRUE(local->Append(Id(1), MakeFacts(1, 1)).ok());
  std::string bytes = ReadWholeFile(path);
  std::string block = bytes.substr(kFirstLineBytes);
  block.resize(block.size() - sizeof(uint64_t));
  block[0] = 9;
  const uint64_t checksum = Xxh3_64(block);
  block.append(reinterpret_cast<const char*>(&checksum), sizeof(checksum));
  WriteWholeFile(path, bytes + block);
  EXPECT_TRUE(Load(path)->is_whole());
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
  const uint64_t num_bytes = std::filesystem::file_size(path);
  ASSERT_TRUE(local->Compact({Id(1), Id(2), Id(3)}).ok());
  EXPECT_EQ(std::filesystem::file_size(path), num_bytes);
  ASSERT_TRUE(local->Compact({Id(2)}).ok());
  EXPECT_FALSE(Find(*local, Id(1)).has_value());
  EXPECT_EQ(Find(*local, Id(2)), MakeFacts(9, 5));
  ASSERT_TRUE(local->Append(Id(2), MakeFacts(9, 6)).ok());
  ASSERT_TRUE(local->Compact({Id(2)}).ok());
  EXPECT_EQ(Find(*local, Id(2)), MakeFacts(9, 6));
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

TEST(LocalFileTest, AFileThatSomebodyRemovesDoesNoHarm) {
  const TempFolder folder;
  const std::string path = folder.File(".local");
  const auto local = Load(path);
  ASSERT_TRUE(local->Append(Id(1), MakeFacts(1, 1)).ok());
  std::filesystem::remove(path);
  EXPECT_TRUE(local->Append(Id(2), MakeFacts(1, 1)).ok());
  EXPECT_TRUE(local->Compact({Id(1), Id(2)}).ok());
}

// What is planted there is neither read nor written to.
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

}  // namespace
}  // namespace melmill
