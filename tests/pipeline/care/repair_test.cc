#include "pipeline/care/repair.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/file/file_lock.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "store/store_folder.h"
#include "tests/support/test_store.h"

namespace melmill {
namespace {

class RepairTest : public testing::Test {
 protected:
  RepairReport Repair() {
    RunControl control;
    Result<RepairReport> report = RepairStore(store_.folder(), "", &control);
    EXPECT_TRUE(report.ok());
    EXPECT_FALSE(report.value().fault);
    return std::move(report).value();
  }

  std::string Refusal() {
    try {
      RunControl control;
      (void)RepairStore(store_.folder(), "", &control).ok();
    } catch (const SetupError& error) {
      return error.what();
    }
    return "";
  }

  std::string ShardFile(size_t shard) const {
    return store_.index.shards[shard].file;
  }

  // Changes one sample and keeps size and header.
  void ChangeAudio(const std::string& name) const {
    TestStore::FlipByte(store_.corpus().Path(name), 1000);
  }

  TestStore store_;
};

TEST_F(RepairTest, AWholeStoreIsLeftAlone) {
  const RepairReport report = Repair();
  EXPECT_TRUE(report.found.damages.empty());
  EXPECT_TRUE(report.repaired.empty());
  EXPECT_TRUE(report.left.empty());
}

TEST_F(RepairTest, DamagedAndMissingShardsBecomeTheSameBytesAgain) {
  // One of them is the first, whose row was rejected during extraction.
  store_.Flip(ShardFile(0), 60);
  std::filesystem::remove(store_.Path(ShardFile(2)));
  store_.Flip(ShardFile(store_.LongShard()), store_.LongRowByte());
  WriteWholeFile(store_.Path(ShardFile(1) + ".tmp"), "left over");
  const RepairReport report = Repair();
  EXPECT_EQ(report.found.damages.size(), 3u);
  EXPECT_EQ(report.repaired.size(), 3u);
  EXPECT_TRUE(report.left.empty());
  EXPECT_EQ(ReadStoreFiles(store_.folder()), store_.whole);
}

TEST_F(RepairTest, OtherFilesAreNamedAndLeftAlone) {
  store_.Flip("rejects.jsonl", 3);
  store_.Flip(ShardFile(1), 60);
  const RepairReport report = Repair();
  EXPECT_EQ(report.repaired, std::vector<std::string>{ShardFile(1)});
  ASSERT_EQ(report.left.size(), 1u);
  EXPECT_EQ(report.left[0].file, "rejects.jsonl");
}

TEST_F(RepairTest, ChangedAudioIsNamedAndTheShardStays) {
  const std::string file = ShardFile(store_.LongShard());
  store_.Flip(file, store_.LongRowByte());
  const auto damaged = ReadStoreFiles(store_.folder());
  ChangeAudio("long.wav");
  const RepairReport report = Repair();
  EXPECT_TRUE(report.repaired.empty());
  ASSERT_EQ(report.left.size(), 2u);
  EXPECT_EQ(report.left[0].file, file);
  EXPECT_NE(report.left[0].what.find("the audio has changed"),
            std::string::npos);
  EXPECT_EQ(report.left[1].line, 42u);
  EXPECT_EQ(report.left[1].audio, store_.corpus().Path("long.wav"));
  EXPECT_EQ(report.left[1].what, "the samples in the file have changed");
  EXPECT_EQ(ReadStoreFiles(store_.folder()), damaged);
}

TEST_F(RepairTest, AGoneFileIsNamedThoughTheOldIndexIsDamaged) {
  store_.Flip(ShardFile(0), 60);
  std::filesystem::remove(store_.corpus().Path("t1.wav"));
  const RepairReport report = Repair();
  ASSERT_EQ(report.left.size(), 2u);
  EXPECT_EQ(report.left[1].line, 2u);
  EXPECT_EQ(report.left[1].what,
            "could not be read: No such file or directory");
}

TEST_F(RepairTest, ARejectThatIsAcceptedNowIsNamedToo) {
  store_.Flip(ShardFile(0), 4096);
  // This is nan.wav, line 4, without its NaN.
  const std::string path = store_.corpus().Path("nan.wav");
  std::string bytes = ReadWholeFile(path);
  bytes.replace(bytes.size() - 400, 4, 4, '\0');
  WriteWholeFile(path, bytes);
  const RepairReport report = Repair();
  ASSERT_EQ(report.left.size(), 2u);
  EXPECT_EQ(report.left[1].line, 4u);
  EXPECT_EQ(report.left[1].what, "was rejected and can be read now");
}

TEST_F(RepairTest, WithoutItsPlanAShardStays) {
  store_.Flip(ShardFile(1), 60);
  std::filesystem::remove(store_.Path("plan.h5"));
  const RepairReport report = Repair();
  EXPECT_TRUE(report.repaired.empty());
  ASSERT_EQ(report.left.size(), 2u);
  EXPECT_EQ(report.left[0].file, "plan.h5");
  EXPECT_EQ(report.left[1].file, ShardFile(1));
  EXPECT_NE(report.left[1].what.find("cannot be rebuilt without plan.h5"),
            std::string::npos);
}

TEST_F(RepairTest, AStoreInUseIsRefused) {
  const Result<FileLock> lock = LockStore(store_.folder());
  ASSERT_TRUE(lock.ok());
  EXPECT_NE(Refusal().find("is in use by another melmill"), std::string::npos);
}

TEST_F(RepairTest, WithoutAnyAudioAShardStaysAndThePlaceIsTold) {
  store_.Flip(ShardFile(1), 60);
  store_.Flip(ShardFile(store_.LongShard()), 60);
  std::filesystem::remove(store_.corpus().Path("long.wav"));
  const RepairReport report = Repair();
  EXPECT_EQ(report.repaired, std::vector<std::string>{ShardFile(1)});
  ASSERT_EQ(report.left.size(), 1u);
  EXPECT_NE(report.left[0].what.find("the manifest has this absolute path"),
            std::string::npos);
}

TEST_F(RepairTest, AStopLeavesTheRest) {
  store_.Flip(ShardFile(1), 60);
  RunControl control;
  control.RequestStop(15);
  const Result<RepairReport> report =
      RepairStore(store_.folder(), "", &control);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report.value().repaired.empty());
  ASSERT_EQ(report.value().left.size(), 1u);
  EXPECT_EQ(report.value().left[0].file, ShardFile(1));
}

}  // namespace
}  // namespace melmill
