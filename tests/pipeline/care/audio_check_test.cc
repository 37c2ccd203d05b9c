#include "pipeline/care/audio_check.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "io/hash.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/setup_error.h"
#include "store/hdf5/h5_contents.h"
#include "tests/support/test_store.h"

namespace melmill {
namespace {

constexpr uint64_t kAll = 1'000'000;

class AudioCheckTest : public testing::Test {
 protected:
  AudioReport Check(uint64_t num_rows, uint64_t seed = 1) {
    Result<AudioReport> report = CheckAgainstAudio(
        store_.folder(), store_.index, "", num_rows, seed, {});
    EXPECT_TRUE(report.ok());
    return std::move(report).value();
  }

  static size_t FeatureBytes(const ShardEntry& entry) {
    return static_cast<size_t>(entry.num_frames) * 256;
  }

  TestStore store_;
};

TEST_F(AudioCheckTest, UnchangedAudioGivesTheSameBytes) {
  const AudioReport all = Check(kAll);
  EXPECT_EQ(all.num_rows, store_.index.num_stored());
  EXPECT_TRUE(all.differences.empty());
  EXPECT_EQ(Check(7).num_rows, 7u);
  EXPECT_TRUE(Check(7).differences.empty());
}

TEST_F(AudioCheckTest, AShardOfAnotherNameIsADifference) {
  const std::string& file = store_.index.shards.front().file;
  WriteWholeFile(store_.Path(file),
                 ReadWholeFile(store_.Path(store_.index.shards.back().file)));
  const AudioReport report = Check(kAll);
  ASSERT_EQ(report.differences.size(), 1u);
  EXPECT_EQ(report.differences[0].file, file);
  EXPECT_EQ(report.differences[0].what, "is not the shard of store.json");
}

TEST_F(AudioCheckTest, NamesEveryRowThatDiffers) {
  const Corpus& corpus = store_.corpus();
  TestStore::FlipByte(corpus.Path("t1.wav"), 1000);
  std::filesystem::remove(corpus.Path("e0.wav"));
  WriteWholeFile(corpus.Path("t2.wav"),
                 ReadWholeFile(corpus.Path("t2.wav")) + "more");
  const AudioReport report = Check(kAll);
  ASSERT_EQ(report.differences.size(), 3u);
  EXPECT_EQ(report.differences[0].line, 2u);
  EXPECT_EQ(report.differences[0].split, "train");
  EXPECT_EQ(report.differences[0].what, "the samples in the file have changed");
  EXPECT_EQ(report.differences[1].audio, corpus.Path("t2.wav"));
  EXPECT_NE(report.differences[1].what.find("its size or header differs"),
            std::string::npos);
  EXPECT_EQ(report.differences[2].split, "eval");
  EXPECT_EQ(report.differences[2].line, 1u);
  EXPECT_NE(report.differences[2].what.find("No such file"), std::string::npos);
  EXPECT_FALSE(report.missing.has_value());
}

TEST_F(AudioCheckTest, NothingDiffersIfNoAudioIsFound) {
  const Corpus& corpus = store_.corpus();
  for (const auto& file :
       std::filesystem::directory_iterator(corpus.Path(""))) {
    if (file.path().extension() == ".wav") std::filesystem::remove(file);
  }
  const AudioReport report = Check(kAll);
  EXPECT_TRUE(report.differences.empty());
  ASSERT_TRUE(report.missing.has_value());
  EXPECT_EQ(report.missing->audio, corpus.Path("t0.wav"));
  EXPECT_EQ(report.missing->path, report.missing->audio);
}

TEST_F(AudioCheckTest, EveryRowIsDrawnSoonerOrLater) {
  TestStore::FlipByte(store_.corpus().Path("t1.wav"), 1000);
  TestStore::FlipByte(store_.corpus().Path("e4.wav"), 1000);
  std::set<std::string> found;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    for (const Damage& damage : Check(15, seed).differences) {
      found.insert(damage.split);
    }
  }
  EXPECT_EQ(found, (std::set<std::string>{"eval", "train"}));
}

TEST_F(AudioCheckTest, FindsDamageOfTheStoreToo) {
  const size_t shard = store_.LongShard();
  const std::string& file = store_.index.shards[shard].file;
  store_.Flip(file, store_.LongRowByte());
  store_.Flip(store_.index.shards[0].file, 60);
  const AudioReport report = Check(kAll);
  ASSERT_EQ(report.differences.size(), 2u);
  EXPECT_EQ(report.differences[0].file, store_.index.shards[0].file);
  EXPECT_EQ(report.differences[0].line, 0u);
  EXPECT_EQ(report.differences[1].line, 42u);
  EXPECT_EQ(report.differences[1].what, "the stored features are damaged");
}

// The test sets the long row's first value in a dataset to 0 and corrects every
// checksum.
TEST_F(AudioCheckTest, ComparesMoreThanTheFeatures) {
  ShardEntry& entry = store_.index.shards[store_.LongShard()];
  const std::string path = store_.Path(entry.file);
  const std::string sound = ReadWholeFile(path);
  const auto contents = ReadH5Contents(path);
  const size_t own = contents.value().FindDataset("file_checksum")->offset;
  const struct {
    const char* dataset;
    size_t row_bytes;
    const char* what;
  } cases[] = {{"tail_samples", 1600, "tail samples differ"},
               {"floor", 4, "levels or sizes differ"},
               {"body_max", 4, "levels or sizes differ"},
               {"peak", 4, "levels or sizes differ"}};
  for (const auto& c : cases) {
    const DatasetPlace& place = *contents.value().FindDataset(c.dataset);
    std::string bytes = sound;
    bytes.replace(place.offset + place.spec.num_bytes() - c.row_bytes, 4, 4,
                  '\0');
    std::string outside = bytes;
    outside.erase(own, 8);
    const uint64_t checksum = Xxh3_64(outside.erase(4096, FeatureBytes(entry)));
    std::memcpy(bytes.data() + own, &checksum, 8);
    outside = bytes;
    entry.checksum = Xxh3_64(outside.erase(4096, FeatureBytes(entry)));
    WriteWholeFile(path, bytes);
    const AudioReport report = Check(kAll);
    ASSERT_EQ(report.differences.size(), 1u) << c.dataset;
    EXPECT_EQ(report.differences[0].line, 42u);
    EXPECT_EQ(report.differences[0].what, c.what);
  }
}

TEST_F(AudioCheckTest, WithoutItsPlanAStoreIsRefused) {
  std::filesystem::remove(store_.Path("plan.h5"));
  EXPECT_THROW(
      (void)CheckAgainstAudio(store_.folder(), store_.index, "", 1, 1, {}).ok(),
      SetupError);
}

}  // namespace
}  // namespace melmill
