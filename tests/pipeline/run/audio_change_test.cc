#include "pipeline/run/audio_change.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "pipeline/run/run.h"
#include "pipeline/run/run_report.h"
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

// A file that is written to while a run works, between its comparison and the
// moment when it is extracted.
TEST(AudioChangeTest, AShardOfOtherAudioThanWasSeenIsRemoved) {
  Corpus corpus;
  corpus.MakeMixed();
  const RunConfig config = corpus.Config("out");
  RunControl control;
  const RunReport report = RunExtract(config, &control);
  ASSERT_EQ(report.status, RunStatus::kFinished);
  const Plan& plan = *report.plan;
  const std::string path =
      config.store.folder + '/' + plan.ShardFileName(plan.shards[0]);
  AudioChange change;
  change.shards[0].resize(static_cast<size_t>(plan.shards[0].num_rows));
  EXPECT_TRUE(CheckRemadeShards(plan, config.store.folder, change).ok());
  change.shards[0][1] = Hash128{1, 2, 3};
  const Result<void> checked =
      CheckRemadeShards(plan, config.store.folder, change);
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().code, ErrorCode::kMachineFault);
  EXPECT_EQ(checked.error().message,
            corpus.Path("t1.wav") + " changed while melmill ran; run again");
  EXPECT_FALSE(std::filesystem::exists(path));
}

// A run on the files that were seen first, whose file becomes another one
// before it is compared.
TEST(AudioChangeTest, AFileThatGrewSinceThePlanIsAChange) {
  Corpus corpus;
  corpus.MakeMixed();
  RunConfig config = corpus.Config("out");
  config.store.audio_check =
      AudioCheck::kAll;  // whatever their times look like
  RunControl control;
  const RunReport report = RunExtract(config, &control);
  ASSERT_EQ(report.status, RunStatus::kFinished);
  auto local = LocalFile::Load(config.store.folder + "/.local");
  ASSERT_TRUE(local.ok());
  std::map<size_t, ShardWriter::Committed> kept;
  kept[0].checksum = report.store->shards[0].checksum;
  const std::string clip = corpus.Path("t1.wav");
  WriteWholeFile(clip, ReadWholeFile(clip) + "LIST");
  const auto found = FindChangedAudio(*report.plan, config.store.folder, kept,
                                      local.value().get(), &control);
  ASSERT_TRUE(found.ok()) << found.error().message;
  ASSERT_EQ(found.value().changed.count, 1u);
  EXPECT_EQ(found.value().changed.examples[0].audio, clip);
  EXPECT_FALSE(found.value().shards.at(0)[1].has_value());
  EXPECT_TRUE(found.value().shards.at(0)[0].has_value());
  // One that is gone is the machine's fault: its features are not given up.
  std::filesystem::remove(clip);
  EXPECT_FALSE(FindChangedAudio(*report.plan, config.store.folder, kept,
                                local.value().get(), &control)
                   .ok());
}

}  // namespace
}  // namespace melmill
