#include "store/verify.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "pipeline/run/run.h"
#include "pipeline/setup/run_control.h"
#include "store/shard/shard_reader.h"
#include "store/store_index.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

class VerifyTest : public testing::Test {
 protected:
  VerifyTest() {
    corpus_.MakeMixed();
    RunControl control;
    store_ = RunExtract(corpus_.Config("out"), &control).store.value();
  }

  std::string Path(const std::string& file) const {
    return corpus_.Path("out/" + file);
  }

  void Flip(const std::string& file, size_t offset) {
    std::string bytes = ReadWholeFile(Path(file));
    bytes.at(offset) ^= 0x10;
    WriteWholeFile(Path(file), bytes);
  }

  std::vector<Damage> Verify() {
    return VerifyStore(corpus_.Path("out"), store_).damages;
  }

  Corpus corpus_;
  StoreIndex store_;
};

TEST_F(VerifyTest, AWholeStoreHasNoDamage) { EXPECT_TRUE(Verify().empty()); }

TEST_F(VerifyTest, NamesTheRowOfADamagedFeature) {
  // The last row of train's last shard is the long file's.
  size_t shard = 0;
  while (store_.shards[shard + 1].split == "train") ++shard;
  const std::string& file = store_.shards[shard].file;
  size_t offset = 0;
  {
    const Result<ShardReader> reader = ShardReader::Open(Path(file));
    ASSERT_TRUE(reader.ok());
    offset = 4096 + 256 * reader.value().rows().back().start + 100;
  }
  Flip(file, offset);
  const std::vector<Damage> damages = Verify();
  ASSERT_EQ(damages.size(), 1u);
  EXPECT_EQ(damages[0].file, file);
  EXPECT_EQ(damages[0].split, "train");
  EXPECT_EQ(damages[0].line, 42u);
  EXPECT_EQ(damages[0].audio, corpus_.Path("long.wav"));
}

TEST_F(VerifyTest, FindsDamageInEveryFile) {
  for (const std::string& file :
       {std::string("train.rows.h5"), std::string("eval.rows.h5"),
        std::string("train.accepted.jsonl"), std::string("rejects.jsonl"),
        std::string("plan.h5"), store_.shards[0].file}) {
    const size_t offset =
        file == store_.shards[0].file ? store_.shards[0].num_bytes - 1 : 60;
    Flip(file, offset);
    const std::vector<Damage> damages = Verify();
    ASSERT_EQ(damages.size(), 1u) << file;
    EXPECT_EQ(damages[0].file, file);
    Flip(file, offset);
  }
  EXPECT_TRUE(Verify().empty());
}

TEST_F(VerifyTest, FindsFilesThatAreCutGoneOrSwapped) {
  const std::string first = Path(store_.shards[0].file);
  const std::string second = Path(store_.shards[1].file);
  const std::string bytes = ReadWholeFile(first);
  WriteWholeFile(first, bytes.substr(0, bytes.size() - 1));
  EXPECT_EQ(Verify().size(), 1u);
  std::filesystem::remove(first);
  EXPECT_EQ(Verify().size(), 1u);
  WriteWholeFile(first, ReadWholeFile(second));
  WriteWholeFile(second, bytes);
  EXPECT_EQ(Verify().size(), 2u);
}

TEST_F(VerifyTest, ReadsAShardThatIsListedTwiceOnce) {
  store_.shards.push_back(store_.shards.front());
  const VerifyReport report = VerifyStore(corpus_.Path("out"), store_);
  EXPECT_TRUE(report.damages.empty());
  EXPECT_EQ(report.num_files, store_.shards.size() - 1 + 6);
  EXPECT_EQ(report.num_rows, 46u + store_.shards[0].num_stored);
  Flip(store_.shards[0].file, store_.shards[0].num_bytes - 1);
  EXPECT_EQ(Verify().size(), 1u);
}

}  // namespace
}  // namespace melmill
