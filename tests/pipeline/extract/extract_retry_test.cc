#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/extract/extract.h"
#include "pipeline/extract/unreadable_files.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/setup/feature_spec.h"
#include "pipeline/setup/run_control.h"
#include "store/shard/shard_reader.h"
#include "tests/support/built_work.h"
#include "tests/support/corpus.h"

namespace {

// The number of times that opening a file named "flaky" still fails.
std::atomic<int> num_failures_left{0};

// Called when a WAV file is opened.
std::function<void()> on_open;

}  // namespace

// The code under test calls this instead of the C library's. It is a device
// that comes back, and a place where a run is interrupted.
extern "C" int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  if (on_open && std::strstr(path, ".wav") != nullptr) on_open();
  if (std::strstr(path, "flaky") != nullptr && num_failures_left-- > 0) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

namespace melmill {
namespace {

class ExtractRetryTest : public testing::TestWithParam<bool> {
 protected:
  // Returns the rows of a shard: a clip, num_segments segments of a file that
  // cannot be opened the first num_failures times, and another clip. One
  // segment is the whole file.
  std::vector<ShardRow> Extract(int num_failures, int num_segments = 1) {
    std::vector<std::string> lines = {corpus_.AddWav("a.wav", 4000, 1)};
    const std::string flaky = corpus_.AddWav("flaky.wav", 4000, 2);
    for (int i = 0; i < num_segments; ++i) {
      lines.push_back(flaky);
      if (num_segments == 1) break;
      lines.back().insert(1, "\"start_sample\": " + std::to_string(i) +
                                 ", \"num_samples\": 500, ");
    }
    lines.push_back(corpus_.AddWav("b.wav", 4000, 3));
    corpus_.WriteManifest("train.jsonl", lines);
    RunConfig config;
    config.features =
        MakeFeatureSpec("qwen3-asr", FeatureType::kFloat16, {.simd = "none"});
    config.input.splits = {{"train", corpus_.Path("train.jsonl")}};
    RunControl control;
    num_failures_left = 0;
    const BuiltWork built(config, corpus_.Path(""));
    const RowComputer processor(config.features);
    const ExtractJob job = {.work = built.work(),
                            .processor = processor,
                            .shards = {0},
                            .folder = corpus_.Path(""),
                            .num_threads = 2,
                            .num_io_threads = 2,
                            .control = &control};
    num_failures_left = num_failures;
    const ExtractOutcome outcome =
        GetParam() ? melmill::Extract(job) : ExtractSerial(job);
    EXPECT_FALSE(outcome.fault);
    const Result<ShardReader> shard = ShardReader::Open(
        job.folder + built.plan().ShardFileName(built.plan().shards[0]));
    EXPECT_TRUE(shard.ok());
    return shard.value().rows();
  }

  Corpus corpus_;
};

TEST_P(ExtractRetryTest, AFileThatComesBackIsStored) {
  for (const ShardRow& row : Extract(kMaxReadAttempts - 1)) {
    EXPECT_EQ(row.status, RowStatus::kStored);
  }
}

TEST_P(ExtractRetryTest, AFileThatStaysAwayIsRejectedAlone) {
  const std::vector<ShardRow> rows = Extract(kMaxReadAttempts);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].status, RowStatus::kStored);
  EXPECT_EQ(rows[1].reject_code, RejectCode::kIoError);
  EXPECT_EQ(rows[1].reject_detail, EIO);
  EXPECT_EQ(rows[2].status, RowStatus::kStored);
}

// More segments than files may be unreadable.
TEST_P(ExtractRetryTest, SegmentsOfAFileThatStaysAwayAreRejectedAlone) {
  constexpr int kNumSegments = 400;
  static_assert(kNumSegments > kMaxUnreadableFiles);
  const std::vector<ShardRow> rows =
      Extract(kNumSegments * kMaxReadAttempts, kNumSegments);
  ASSERT_EQ(rows.size(), size_t{kNumSegments} + 2);
  EXPECT_EQ(rows.front().status, RowStatus::kStored);
  EXPECT_EQ(rows.back().status, RowStatus::kStored);
  for (size_t i = 1; i + 1 < rows.size(); ++i) {
    EXPECT_EQ(rows[i].reject_code, RejectCode::kIoError);
    EXPECT_EQ(rows[i].reject_detail, EIO);
  }
}

TEST_P(ExtractRetryTest, SegmentsOfAFileThatComesBackAreStored) {
  for (const ShardRow& row : Extract(600, 400)) {
    EXPECT_EQ(row.status, RowStatus::kStored);
  }
}

INSTANTIATE_TEST_SUITE_P(SerialAndGraph, ExtractRetryTest, testing::Bool(),
                         [](const auto& param_info) {
                           return param_info.param ? "Graph" : "Serial";
                         });

// Clips of several shards, of which some cannot be opened.
class ExtractDoubtTest : public testing::TestWithParam<bool> {
 protected:
  // Two clips of the first shard and one of the last cannot be opened.
  // `may_reject` is that of ExtractJob.
  ExtractOutcome Extract(std::function<bool(const Doubt&)> may_reject) {
    RunConfig config;
    config.features =
        MakeFeatureSpec("qwen3-asr", FeatureType::kFloat16, {.simd = "none"});
    config.input.splits = {{"train", corpus_.Path("train.jsonl")}};
    config.store.folder = corpus_.Path("out");
    config.store.shard_bytes = 32 << 10;
    std::vector<std::string> lines;
    for (int i = 0; i < 24; ++i) {
      const bool is_flaky = i < 2 || i == 23;
      lines.push_back(corpus_.AddWav(
          (is_flaky ? "flaky" : "a") + std::to_string(i) + ".wav", 4000,
          static_cast<uint32_t>(i)));
    }
    corpus_.WriteManifest("train.jsonl", lines);
    std::filesystem::create_directory(config.store.folder);
    num_failures_left = 0;
    const BuiltWork built(config, corpus_.Path(""));
    num_shards_ = built.plan().shards.size();
    EXPECT_GE(num_shards_, 3u);
    EXPECT_GE(built.plan().shards[0].num_rows, 2u);
    RunControl control;
    const RowComputer processor(config.features);
    const ExtractJob job = {.work = built.work(),
                            .processor = processor,
                            .shards = built.AllShards(),
                            .folder = config.store.folder,
                            .num_threads = 2,
                            .num_io_threads = 2,
                            .control = &control,
                            .may_reject = std::move(may_reject)};
    num_failures_left = 1'000'000;
    ExtractOutcome outcome =
        GetParam() ? melmill::Extract(job) : ExtractSerial(job);
    num_failures_left = 0;
    EXPECT_FALSE(outcome.fault);
    // No temporary file is left.
    EXPECT_EQ(ReadStoreFiles(config.store.folder).size(),
              outcome.committed.size());
    return outcome;
  }

  Corpus corpus_;
  size_t num_shards_ = 0;
};

TEST_P(ExtractDoubtTest, AsksAboutEachRowAndDropsTheirShardsOnly) {
  std::multiset<uint64_t> asked;  // lines
  const auto refuse = [this, &asked](const Doubt& doubt) {
    EXPECT_EQ(doubt.error.detail, EIO);
    EXPECT_EQ(doubt.shard, doubt.task.line <= 2 ? 0u : num_shards_ - 1);
    asked.insert(doubt.task.line);
    return false;
  };
  const ExtractOutcome outcome = Extract(refuse);
  EXPECT_EQ(asked, (std::multiset<uint64_t>{1, 2, 24}));
  EXPECT_EQ(outcome.num_dropped, 2u);
  EXPECT_EQ(outcome.num_rejected, 0u);
  EXPECT_EQ(outcome.committed.size(), num_shards_ - 2);
  EXPECT_FALSE(outcome.committed.contains(0));
  EXPECT_FALSE(outcome.committed.contains(num_shards_ - 1));
}

TEST_P(ExtractDoubtTest, RejectsWhatMayBeRejected) {
  const ExtractOutcome outcome = Extract([](const Doubt& doubt) {
    return doubt.task.line != 2;  // that of flaky1.wav
  });
  EXPECT_EQ(outcome.num_dropped, 1u);
  EXPECT_EQ(outcome.num_rejected, 2u);
  EXPECT_EQ(outcome.committed.size(), num_shards_ - 1);
  EXPECT_FALSE(outcome.committed.contains(0));
}

TEST_P(ExtractDoubtTest, RejectsAllIfNobodyIsAsked) {
  const ExtractOutcome outcome = Extract(nullptr);
  EXPECT_EQ(outcome.num_rejected, 3u);
  EXPECT_EQ(outcome.committed.size(), num_shards_);
}

INSTANTIATE_TEST_SUITE_P(SerialAndGraph, ExtractDoubtTest, testing::Bool(),
                         [](const auto& param_info) {
                           return param_info.param ? "Graph" : "Serial";
                         });

// A run that is asked to stop before it begins, or while it reads its third
// row. Its first shard has more rows than are in flight.
class ExtractStopTest : public testing::Test {
 protected:
  ~ExtractStopTest() override { on_open = nullptr; }

  ExtractOutcome Extract(bool at_once, std::chrono::seconds grace) {
    RunConfig config;
    config.features =
        MakeFeatureSpec("qwen3-asr", FeatureType::kFloat16, {.simd = "none"});
    config.input.splits = {{"train", corpus_.Path("train.jsonl")}};
    config.store.folder = corpus_.Path("out");
    config.store.shard_bytes = 128 << 10;
    std::vector<std::string> lines;
    for (uint32_t i = 0; i < 60; ++i) {
      lines.push_back(
          corpus_.AddWav("a" + std::to_string(i) + ".wav", 4000, i));
    }
    corpus_.WriteManifest("train.jsonl", lines);
    std::filesystem::create_directory(config.store.folder);
    const BuiltWork built(config, corpus_.Path(""));
    const RowComputer processor(config.features);
    const ExtractJob job = {.work = built.work(),
                            .processor = processor,
                            .shards = built.AllShards(),
                            .folder = config.store.folder,
                            .num_threads = 1,
                            .num_io_threads = 1,
                            .control = &control_};
    EXPECT_GE(job.shards.size(), 2u);
    first_shard_frames_ = built.plan().shards[0].num_frames;
    control_.grace = grace;
    if (at_once) control_.RequestStop(15);
    std::atomic<int> num_opened{0};
    on_open = [&] {
      if (++num_opened == 3) control_.RequestStop(15);
    };
    const ExtractOutcome outcome = melmill::Extract(job);
    EXPECT_FALSE(outcome.fault);
    // There must be no partial shard.
    EXPECT_EQ(ReadStoreFiles(config.store.folder).size(),
              outcome.committed.size());
    return outcome;
  }

  Corpus corpus_;
  RunControl control_;
  uint64_t first_shard_frames_ = 0;
};

TEST_F(ExtractStopTest, BeginsNoShard) {
  EXPECT_TRUE(Extract(true, RunControl::kGrace).committed.empty());
  EXPECT_EQ(control_.frames_done, 0u);
}

TEST_F(ExtractStopTest, CompletesTheShardInWorkWithinItsGrace) {
  EXPECT_EQ(Extract(false, RunControl::kGrace).committed.size(), 1u);
  EXPECT_EQ(control_.frames_done, first_shard_frames_);
}

TEST_F(ExtractStopTest, DropsTheShardInWorkAfterItsGrace) {
  EXPECT_TRUE(Extract(false, std::chrono::seconds(-1)).committed.empty());
  EXPECT_LT(control_.frames_done, first_shard_frames_);
}

}  // namespace
}  // namespace melmill
