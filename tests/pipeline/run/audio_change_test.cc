#include "pipeline/run/audio_change.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/run/run.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "tests/support/built_work.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

constexpr uint64_t kGigabyte = 1'000'000'000;

TEST(SuspectAudioTest, IsMuchOverOnePercentAndTenGigabytes) {
  const auto is_much = [](uint64_t rows, uint64_t bytes, uint64_t all) {
    return SuspectAudio{rows, bytes, all}.is_much();
  };
  EXPECT_TRUE(is_much(11, 10 * kGigabyte + 1, 1000));
  EXPECT_FALSE(is_much(10, 10 * kGigabyte + 1, 1000));
  EXPECT_FALSE(is_much(1000, 10 * kGigabyte, 1000));
  EXPECT_FALSE(is_much(0, 0, 0));
  EXPECT_TRUE(is_much(1, 11 * kGigabyte, 1));
}

TEST(SuspectAudioTest, SaysWhatThereIsToRead) {
  EXPECT_EQ((SuspectAudio{7000, 30 * kGigabyte, 100'000}.Describe()),
            "7000 of 100000 audio files look changed since they were read: "
            "30.00 GB, about 5 min at 100 MB/s. --rehash reads and compares "
            "them; --trust-audio takes them as unchanged");
}

// A file is written to while a run works, between its comparison and its
// extraction.
TEST(AudioChangeTest, AShardOfOtherAudioThanWasSeenIsRemoved) {
  Corpus corpus;
  corpus.MakeMixed();
  const RunConfig config = corpus.Config("out");
  RunControl control;
  const RunReport report = RunExtract(config, &control);
  ASSERT_EQ(report.status, RunStatus::kFinished);
  const BuiltWork built(config, config.store.folder);
  const Plan& plan = built.plan();
  const std::string path =
      config.store.folder + '/' + plan.ShardFileName(plan.shards[0]);
  AudioChange change;
  change.shards[0].resize(static_cast<size_t>(plan.shards[0].num_rows));
  EXPECT_TRUE(
      CheckRemadeShards(built.work(), config.store.folder, change).ok());
  change.shards[0][1] = Hash128{1, 2, 3};
  const Result<void> checked =
      CheckRemadeShards(built.work(), config.store.folder, change);
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().code, ErrorCode::kMachineFault);
  EXPECT_EQ(checked.error().message,
            corpus.Path("t1.wav") + " changed while melmill ran; run again");
  EXPECT_FALSE(std::filesystem::exists(path));
}

// A run plans with the file as it was, and the file changes before it is
// compared.
TEST(AudioChangeTest, AFileThatGrewSinceThePlanIsAChange) {
  Corpus corpus;
  corpus.MakeMixed();
  const RunConfig config = corpus.Config("out");
  RunControl control;
  const RunReport report = RunExtract(config, &control);
  ASSERT_EQ(report.status, RunStatus::kFinished);
  const BuiltWork built(config, config.store.folder);
  auto local = LocalFile::Load(config.store.folder + "/.local");
  ASSERT_TRUE(local.ok());
  std::map<size_t, ShardWriter::Committed> kept;
  kept[0].checksum = report.store->shards[0].checksum;
  const std::string clip = corpus.Path("t1.wav");
  WriteWholeFile(clip, ReadWholeFile(clip) + "LIST");
  const auto find = [&] {
    return FindChangedAudio({.work = built.work(),
                             .files = built.files(),
                             .folder = config.store.folder,
                             .shards = kept,
                             .check = AudioCheck::kAll,
                             .local = local.value().get(),
                             .control = &control});
  };
  const auto found = find();
  ASSERT_TRUE(found.ok()) << found.error().message;
  ASSERT_EQ(found.value().changed.count, 1u);
  EXPECT_EQ(found.value().changed.examples[0].audio, clip);
  EXPECT_FALSE(found.value().shards.at(0)[1].has_value());
  EXPECT_TRUE(found.value().shards.at(0)[0].has_value());
  // A missing file is the machine's fault: its features are not given up.
  std::filesystem::remove(clip);
  EXPECT_FALSE(find().ok());
}

// A finished store, and a .local of the test's own in which all its files are
// settled.
class FindChangedAudioTest : public testing::Test {
 protected:
  // Both rows are in the first shard.
  static constexpr size_t kRow = 1;
  static constexpr size_t kRejectedRow = 3;

  FindChangedAudioTest() {
    EXPECT_EQ(store_.status, RunStatus::kFinished);
    uint64_t first = 0;
    for (size_t i = 0; i < built_.plan().shards.size(); ++i) {
      kept_[i].checksum = store_.store->shards[i].checksum;
      const auto num_rows =
          static_cast<size_t>(built_.plan().shards[i].num_rows);
      files_.push_back(built_.files().Read(first, num_rows).value());
      first += num_rows;
      facts_.emplace_back();
      for (const PlannedFile& file : files_.back()) {
        facts_.back().push_back(file.facts);
        facts_.back().back().flags &= ~FileFacts::kUnsettled;
      }
    }
    facts_[0].at(kRejectedRow) = {};
    EXPECT_EQ(built_.plan().shards.size(), 3u);
  }

  // Each split is one shard, since the cuts within a split would depend on the
  // paths.
  RunConfig MakeCorpus() {
    WavSpec floats;
    floats.encoding = SampleEncoding::kFloat32;
    std::vector<std::string> lines;
    for (uint32_t i = 0; i < 7; ++i) {
      const std::string name = "t" + std::to_string(i) + ".wav";
      lines.push_back(corpus_.AddWav(name, 4000, i, floats));
    }
    const std::string bad = corpus_.Path("t3.wav");
    std::string bytes = ReadWholeFile(bad);
    bytes.replace(bytes.size() - 400, 4, std::string("\x00\x00\xc0\x7f", 4));
    WriteWholeFile(bad, bytes);
    corpus_.WriteManifest("train.jsonl", {lines.begin(), lines.begin() + 5});
    corpus_.WriteManifest("eval.jsonl", {lines[5]});
    corpus_.WriteManifest("dev.jsonl", {lines[6]});
    RunConfig config = corpus_.Config("out");
    config.input.splits.emplace_back(
        SplitInput{"dev", corpus_.Path("dev.jsonl")});
    config.store.shard_bytes = 1 << 30;
    return config;
  }

  ShardId IdOf(size_t shard) const {
    return {built_.plan().shards[shard].fingerprint, kept_.at(shard).checksum};
  }
  std::unique_ptr<LocalFile> MakeLocal(const std::string& name) const {
    return LocalFile::Load(corpus_.Path(name)).value();
  }

  // Compares after facts_ were recorded.
  AudioChange Find(AudioCheck check) {
    for (const auto& [shard, committed] : kept_) {
      EXPECT_TRUE(local_->Append(IdOf(shard), facts_[shard]).ok());
    }
    return FindWith(check, local_.get());
  }
  AudioCompareJob JobOf(AudioCheck check, LocalFile* local) {
    return {.work = built_.work(),
            .files = built_.files(),
            .folder = corpus_.Path("out"),
            .shards = kept_,
            .check = check,
            .local = local,
            .control = &control_};
  }
  AudioChange FindWith(AudioCheck check, LocalFile* local) {
    Result<AudioChange> change = FindChangedAudio(JobOf(check, local));
    EXPECT_TRUE(change.ok()) << change.error().message;
    return std::move(change).value();
  }

  void ExpectRead(uint64_t num_bytes) const {
    EXPECT_EQ(control_.audio_bytes_to_read, num_bytes);
    EXPECT_EQ(control_.audio_bytes_read, num_bytes);
  }
  // The bytes of the stored rows' files.
  uint64_t BytesOf(size_t shard) const {
    uint64_t sum = 0;
    for (size_t row = 0; row < files_[shard].size(); ++row) {
      if (facts_[shard][row].is_known()) sum += files_[shard][row].num_bytes;
    }
    return sum;
  }

  Corpus corpus_;
  RunControl control_;
  const RunConfig config_ = MakeCorpus();
  const RunReport store_ = RunExtract(config_, &control_);
  const BuiltWork built_{config_, corpus_.Path("")};
  std::map<size_t, ShardWriter::Committed> kept_;
  std::vector<std::vector<PlannedFile>> files_;  // by shard
  std::vector<std::vector<FileFacts>> facts_;
  const std::unique_ptr<LocalFile> local_ = MakeLocal("local");
};

TEST_F(FindChangedAudioTest, ReadsNothingThatDoesNotLookTouched) {
  const AudioChange change = Find(AudioCheck::kTouched);
  EXPECT_EQ(change.changed.count, 0u);
  EXPECT_EQ(change.num_unknown_rows, 0u);
  ExpectRead(0);
}

TEST_F(FindChangedAudioTest, ReadsWhatLooksTouchedAndTellsThatItIsTheSame) {
  --facts_[0][kRow].changed_ns;
  --facts_[2][0].inode;
  const AudioChange change = Find(AudioCheck::kTouched);
  EXPECT_EQ(change.changed.count, 0u);
  EXPECT_TRUE(change.shards.empty());
  EXPECT_EQ(control_.phase, RunControl::Phase::kCompareAudio);
  ExpectRead(files_[0][kRow].num_bytes + files_[2][0].num_bytes);
  const auto told = local_->Find(IdOf(0)).value();
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->at(kRow).changed_ns, facts_[0][kRow].changed_ns + 1);
  EXPECT_EQ(told->at(0), facts_[0][0]);
  EXPECT_FALSE(told->at(kRejectedRow).is_known());
}

TEST_F(FindChangedAudioTest, NamesOtherAudioAndTellsNothingOfItsShard) {
  --facts_[0][kRow].changed_ns;
  --facts_[0][0].changed_ns;
  --facts_[2][0].changed_ns;
  const std::string clip = corpus_.Path("t1.wav");
  std::string bytes = ReadWholeFile(clip);
  bytes.back() ^= 1;  // in its last sample
  WriteWholeFile(clip, bytes);
  const AudioChange change = Find(AudioCheck::kTouched);
  ASSERT_EQ(change.changed.count, 1u);
  EXPECT_EQ(change.changed.examples[0].split, "train");
  EXPECT_EQ(change.changed.examples[0].line, 2u);
  EXPECT_EQ(change.changed.examples[0].audio, clip);
  ASSERT_EQ(change.shards.size(), 1u);
  const SourceChecksums& seen = change.shards.at(0);
  ASSERT_EQ(seen.size(), files_[0].size());
  for (size_t row = 0; row < seen.size(); ++row) {
    EXPECT_EQ(seen[row].has_value(), row != kRejectedRow) << row;
  }
  EXPECT_EQ(local_->Find(IdOf(0)).value(), facts_[0]);
  EXPECT_NE(local_->Find(IdOf(2)).value(), facts_[2]);
}

TEST_F(FindChangedAudioTest, ReadsAllButRejectedRowsWhenTold) {
  const AudioChange change = Find(AudioCheck::kAll);
  EXPECT_EQ(change.changed.count, 0u);
  uint64_t sum = 0;
  for (const auto& [shard, committed] : kept_) sum += BytesOf(shard);
  ExpectRead(sum);
}

TEST_F(FindChangedAudioTest, TrustedFilesAreToldOfAndNotRead) {
  --facts_[0][kRow].changed_ns;
  Find(AudioCheck::kNone);
  ExpectRead(0);
  const auto told = local_->Find(IdOf(0)).value();
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->at(kRow), files_[0][kRow].facts);
}

TEST_F(FindChangedAudioTest, ShardsTakenAsTheyAreHaveUnknownRows) {
  facts_[0].clear();
  EXPECT_EQ(Find(AudioCheck::kTouched).num_unknown_rows, files_[0].size());
  ExpectRead(0);
  EXPECT_EQ(Find(AudioCheck::kAll).num_unknown_rows, 0u);
  EXPECT_GT(control_.audio_bytes_read, 0u);
}

TEST_F(FindChangedAudioTest, WithoutALocalFileAllIsUnknown) {
  const auto none = MakeLocal("none");
  uint64_t num_rows = 0;
  for (const auto& files : files_) num_rows += files.size();
  EXPECT_EQ(FindWith(AudioCheck::kTouched, none.get()).num_unknown_rows,
            num_rows);
  ExpectRead(0);
  EXPECT_FALSE(none->exists());
}

// Its run was killed before it recorded the shard.
TEST_F(FindChangedAudioTest, AShardThatWasNotToldOfIsRead) {
  const auto other = MakeLocal("other");
  ASSERT_TRUE(other->Append({}, {}).ok());
  kept_ = {{0, kept_.at(0)}};
  const AudioChange change = FindWith(AudioCheck::kTouched, other.get());
  EXPECT_EQ(change.num_unknown_rows, 0u);
  EXPECT_EQ(change.changed.count, 0u);
  EXPECT_EQ(control_.audio_bytes_read, BytesOf(0));
  EXPECT_TRUE(other->Find(IdOf(0)).value().has_value());
}

TEST_F(FindChangedAudioTest, FactsOfAnotherNumberOfRowsDoNotCount) {
  kept_ = {{0, kept_.at(0)}};
  const uint64_t num_bytes = BytesOf(0);
  facts_[0].pop_back();
  EXPECT_EQ(Find(AudioCheck::kTouched).changed.count, 0u);
  EXPECT_EQ(control_.audio_bytes_read, num_bytes);
}

TEST_F(FindChangedAudioTest, AStopIsAFaultThatTellsNothing) {
  --facts_[0][kRow].changed_ns;
  control_.RequestStop(15);
  ASSERT_TRUE(local_->Append(IdOf(0), facts_[0]).ok());
  kept_ = {{0, kept_.at(0)}};
  EXPECT_FALSE(
      FindChangedAudio(JobOf(AudioCheck::kTouched, local_.get())).ok());
  EXPECT_EQ(local_->Find(IdOf(0)).value(), facts_[0]);
}

// As AudioCheck::kNone leaves them: it reads nothing, so it cannot know.
TEST_F(FindChangedAudioTest, NothingIsToldOfARejectedRow) {
  facts_[0][kRejectedRow] = files_[0][kRejectedRow].facts;
  Find(AudioCheck::kAll);
  const auto told = local_->Find(IdOf(0)).value();
  ASSERT_TRUE(told.has_value());
  EXPECT_TRUE(told->at(kRow).is_known());
  EXPECT_FALSE(told->at(kRejectedRow).is_known());
}

TEST_F(FindChangedAudioTest, ARowThatIsRejectedNowIsNoOtherAudio) {
  AudioChange change;
  change.shards[0].resize(files_[0].size());
  change.shards[0][kRejectedRow] = Hash128{1, 2, 3};
  EXPECT_TRUE(
      CheckRemadeShards(built_.work(), corpus_.Path("out"), change).ok());
  change.shards[0][kRow] = Hash128{1, 2, 3};
  EXPECT_FALSE(
      CheckRemadeShards(built_.work(), corpus_.Path("out"), change).ok());
}

// All files look touched, and the plan says that they are large.
TEST_F(FindChangedAudioTest, MuchToReadIsLeftToThePerson) {
  PlannedFiles large(corpus_.Path(""));
  for (const auto& files : files_) {
    for (PlannedFile file : files) {
      file.num_bytes += 4 * kGigabyte;
      ++file.facts.inode;
      ASSERT_TRUE(large.Add(file).ok());
    }
  }
  for (const auto& [shard, committed] : kept_) {
    ASSERT_TRUE(local_->Append(IdOf(shard), facts_[shard]).ok());
  }
  const auto find = [&](AudioCheck check) {
    const AudioCompareJob job = {.work = built_.work(),
                                 .files = large,
                                 .folder = corpus_.Path("out"),
                                 .shards = kept_,
                                 .check = check,
                                 .local = local_.get(),
                                 .control = &control_};
    return FindChangedAudio(job).ok();
  };
  EXPECT_THROW(find(AudioCheck::kTouched), SetupError);
  EXPECT_EQ(control_.audio_bytes_read, 0u);
  EXPECT_TRUE(find(AudioCheck::kAll));
  EXPECT_GT(control_.audio_bytes_read, 0u);
  EXPECT_TRUE(find(AudioCheck::kNone));
}

// More rows than are read at once.
TEST(AudioChangeTest, EachRowIsReadOnceHoweverMany) {
  Corpus corpus;
  constexpr size_t kRows = 4200;
  const std::string line = corpus.AddWav("a.wav", 500, 1);
  corpus.WriteManifest("train.jsonl", std::vector<std::string>(kRows, line));
  RunConfig config = corpus.Config("out");
  config.input.splits = {{"train", corpus.Path("train.jsonl")}};
  RunControl control;
  const RunReport report = RunExtract(config, &control);
  ASSERT_EQ(report.status, RunStatus::kFinished);
  const BuiltWork built(config, config.store.folder);
  ASSERT_GT(report.store->shards.size(), 2u);
  std::map<size_t, ShardWriter::Committed> kept;
  uint64_t num_rows = 0;
  for (size_t i = 0; i < built.plan().shards.size(); ++i) {
    kept[i].checksum = report.store->shards[i].checksum;
    num_rows += built.plan().shards[i].num_rows;
  }
  ASSERT_EQ(num_rows, kRows);
  auto local = LocalFile::Load(corpus.Path("local")).value();
  const auto change = FindChangedAudio({.work = built.work(),
                                        .files = built.files(),
                                        .folder = config.store.folder,
                                        .shards = kept,
                                        .check = AudioCheck::kAll,
                                        .local = local.get(),
                                        .control = &control});
  ASSERT_TRUE(change.ok()) << change.error().message;
  EXPECT_EQ(change.value().changed.count, 0u);
  EXPECT_EQ(control.audio_bytes_read, control.audio_bytes_to_read);
  EXPECT_EQ(control.audio_bytes_read,
            kRows * std::filesystem::file_size(corpus.Path("a.wav")));
}

}  // namespace
}  // namespace melmill
