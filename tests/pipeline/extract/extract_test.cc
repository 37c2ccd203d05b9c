#include "pipeline/extract/extract.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/extract/open_shard.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_list.h"
#include "pipeline/row/row_task.h"
#include "pipeline/run/finish.h"
#include "pipeline/setup/code_path.h"
#include "pipeline/setup/feature_spec.h"
#include "pipeline/setup/run_control.h"
#include "store/plan/plan_file.h"
#include "store/shard/shard_reader.h"
#include "tests/support/built_work.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

class ExtractTest : public testing::Test {
 protected:
  ExtractTest() { corpus_.MakeMixed(); }

  // Makes the store `out` with one of the two functions and returns its files.
  std::map<std::string, std::string> MakeStore(
      ExtractOutcome (*extract)(const ExtractJob&), const std::string& out,
      uint64_t shard_bytes, int num_threads) {
    RunConfig config = corpus_.Config(out);
    config.store.shard_bytes = shard_bytes;
    config.features = MakeFeatureSpec("qwen3-asr", FeatureType::kFloat16,
                                      {.resampler = resampler_});
    std::filesystem::create_directory(config.store.folder);
    RunControl control;
    const BuiltWork built(config, corpus_.Path(""));
    const RowComputer processor(config.features);
    const std::vector<size_t> shards = built.AllShards();
    outcome_ = extract({.work = built.work(),
                        .processor = processor,
                        .shards = shards,
                        .folder = config.store.folder,
                        .num_threads = num_threads,
                        .num_io_threads = 3,
                        .max_bytes_in_flight = max_bytes_in_flight_,
                        .control = &control,
                        .quarantine = MakeQuarantine(built.work())});
    EXPECT_FALSE(outcome_.fault) << outcome_.fault->message;
    EXPECT_EQ(outcome_.committed.size(), shards.size());
    num_shards_ = shards.size();
    EXPECT_TRUE(
        WritePlanFile(built.plan(), config.store.folder + "/plan.h5").ok());
    EXPECT_TRUE(FinishStore(built.work(), built.report().splits, &built.files(),
                            config.store.folder, outcome_.committed)
                    .ok());
    return ReadStoreFiles(config.store.folder);
  }

  // A quarantine of the first rows of the first shard.
  Quarantine MakeQuarantine(const PlannedWork& work) const {
    Quarantine quarantine;
    const auto tasks = RowList::Load(work, work.plan.shards[0]);
    EXPECT_TRUE(tasks.ok());
    for (size_t row = 0; row < num_in_quarantine_; ++row) {
      quarantine[tasks.value()[row].source_hash] = 11;
    }
    return quarantine;
  }

  Corpus corpus_;
  size_t num_in_quarantine_ = 0;
  uint64_t max_bytes_in_flight_ = uint64_t{448} << 20;
  std::optional<ResamplerKind> resampler_;
  ExtractOutcome outcome_;
  size_t num_shards_ = 0;
};

TEST_F(ExtractTest, GraphMakesTheBytesOfTheSerialLoop) {
  const auto serial = MakeStore(ExtractSerial, "serial", 32 << 10, 1);
  EXPECT_GE(num_shards_, 8u);
  EXPECT_EQ(outcome_.num_stored, 46u);
  EXPECT_EQ(outcome_.num_rejected, 1u);  // NaN; the plan rejects two more
  for (const int num_threads : {1, 2, 7}) {
    const auto graph = MakeStore(Extract, "graph" + std::to_string(num_threads),
                                 32 << 10, num_threads);
    EXPECT_EQ(outcome_.num_stored, 46u);
    EXPECT_EQ(outcome_.num_rejected, 1u);
    EXPECT_EQ(graph, serial) << num_threads << " threads";
  }
}

TEST_F(ExtractTest, GraphMakesTheBytesOfTheSerialLoopWithEachResampler) {
  std::vector<std::map<std::string, std::string>> stores;
  for (const ResamplerKind kind : kResamplerKinds) {
    resampler_ = kind;
    const std::string suffix(ResamplerKindName(kind));
    stores.push_back(MakeStore(ExtractSerial, "serial" + suffix, 32 << 10, 1));
    EXPECT_EQ(MakeStore(Extract, "graph" + suffix, 32 << 10, 2), stores.back());
  }
  EXPECT_NE(stores[0].at("plan.h5"), stores[1].at("plan.h5"));
}

TEST_F(ExtractTest, GraphMakesTheBytesOfTheSerialLoopForPieces) {
  const auto piece = [&](const std::string& name, const std::string& fields) {
    std::string line = corpus_.Line(name);
    line.insert(line.size() - 1, ", " + fields);
    return line;
  };
  std::vector<std::string> lines;
  for (int i = 0; i < 60; ++i) {
    const int start = i * 7919 % 600'000;
    lines.push_back(piece(
        "long.wav", "\"start_sample\": " + std::to_string(start) +
                        ", \"num_samples\": " + std::to_string(4000 + 97 * i)));
    if (i % 4 == 0) lines.push_back(corpus_.Line("t8.wav"));
  }
  lines.push_back(
      piece("nan.wav", "\"start_sample\": 0, \"num_samples\": 900"));
  lines.push_back(
      piece("nan.wav", "\"start_sample\": 4000, \"num_samples\": 990"));
  corpus_.WriteManifest("train.jsonl", lines);
  const auto serial = MakeStore(ExtractSerial, "serial", 32 << 10, 1);
  EXPECT_EQ(outcome_.num_stored, 81u);
  EXPECT_EQ(outcome_.num_rejected, 1u);
  EXPECT_NE(serial.at("rejects.jsonl").find("\"start_sample\":4000"),
            std::string::npos);
  EXPECT_NE(serial.at("store.json").find("\"major\": 2"), std::string::npos);
  for (const int num_threads : {1, 7}) {
    const auto graph = MakeStore(Extract, "graph" + std::to_string(num_threads),
                                 32 << 10, num_threads);
    EXPECT_EQ(graph, serial) << num_threads << " threads";
  }
}

TEST_F(ExtractTest, KeepsTheRowsInWorkWithinTheBudget) {
  const auto serial = MakeStore(ExtractSerial, "serial", 32 << 10, 1);
  MakeStore(Extract, "free", 32 << 10, 4);
  const uint64_t unbounded = outcome_.telemetry.max_bytes_in_flight;
  EXPECT_GT(unbounded, uint64_t{20} << 20);
  // A quarter of the budget is for 8 inputs, half for 4 workspaces, and the
  // rest for rows.
  max_bytes_in_flight_ = uint64_t{32} << 20;
  EXPECT_EQ(MakeStore(Extract, "less", 32 << 10, 4), serial);
  EXPECT_LE(outcome_.telemetry.max_bytes_in_flight, uint64_t{8} << 20);
  max_bytes_in_flight_ = 1;  // each row alone
  EXPECT_EQ(MakeStore(Extract, "one", 32 << 10, 4), serial);
  EXPECT_LT(outcome_.telemetry.max_bytes_in_flight, unbounded / 3);
}

TEST_F(ExtractTest, TellsWhatItSpentItsTimeOn) {
  MakeStore(Extract, "store", 32 << 10, 2);
  const Telemetry& telemetry = outcome_.telemetry;
  EXPECT_EQ(telemetry.num_threads, 2);
  EXPECT_EQ(telemetry.num_io_threads, 3);
  EXPECT_GT(telemetry.seconds, 0);
  EXPECT_GT(telemetry.commit_seconds, 0);
  for (size_t i = 0; i < kNumStages; ++i) {
    EXPECT_GT(telemetry.compute.seconds[i], 0) << i;
  }
  EXPECT_GT(telemetry.BusyShare(), 0);
  EXPECT_LE(telemetry.BusyShare(), 1);
  EXPECT_EQ(telemetry.rows_read_in_place + telemetry.rows_read_by_waiting, 47u);
  EXPECT_GT(telemetry.compute.bytes_read, 2'800'000u);  // long.wav alone
  EXPECT_GT(telemetry.compute.bytes_stored, 256u * 1400);
}

TEST_F(ExtractTest, RowsInQuarantineAreRejectedAndNotRead) {
  num_in_quarantine_ = 3;
  MakeStore(Extract, "store", 32 << 10, 2);
  EXPECT_EQ(outcome_.num_stored, 43u);
  EXPECT_EQ(outcome_.num_rejected, 4u);  // the other is NaN
  const Telemetry& telemetry = outcome_.telemetry;
  EXPECT_EQ(telemetry.rows_read_in_place + telemetry.rows_read_by_waiting, 44u);
}

TEST_F(ExtractTest, GraphMakesTheBytesOfTheSerialLoopForAnyShardSize) {
  for (const uint64_t shard_bytes : {uint64_t{1}, uint64_t{1} << 30}) {
    const std::string suffix = std::to_string(shard_bytes);
    const auto serial =
        MakeStore(ExtractSerial, "serial" + suffix, shard_bytes, 1);
    EXPECT_EQ(num_shards_, shard_bytes == 1 ? 47u : 2u);
    EXPECT_EQ(MakeStore(Extract, "graph" + suffix, shard_bytes, 2), serial);
  }
}

TEST_F(ExtractTest, AShardOfUnreadableFilesOnlyIsNotCommitted) {
  RunConfig config = corpus_.Config("unreadable");
  config.store.shard_bytes = 1 << 30;
  std::filesystem::create_directory(config.store.folder);
  const BuiltWork built(config, corpus_.Path(""));
  const RowComputer processor(config.features);
  for (const bool all_of_them : {true, false}) {
    auto shard = OpenShard::Create({.work = built.work(),
                                    .processor = processor,
                                    .shards = {1},
                                    .folder = config.store.folder},
                                   1);
    ASSERT_TRUE(shard.ok());
    const size_t num_rows = shard.value()->rows().size();
    ASSERT_GT(num_rows, 2u);
    const Error unreadable = {RejectCode::kIoError, "", EIO};
    const Error not_finite = {RejectCode::kNotFinite, "", 3};
    for (size_t i = 0; i < num_rows; ++i) {
      const bool is_last = i == num_rows - 1;
      ASSERT_TRUE(shard.value()
                      ->Reject(shard.value()->rows()[i], is_last && !all_of_them
                                                             ? not_finite
                                                             : unreadable)
                      .ok());
    }
    EXPECT_EQ(shard.value()->Commit(nullptr).ok(), !all_of_them);
  }
}

// Changes files between plan and extraction.
class ChangedFilesTest : public testing::TestWithParam<bool> {
 protected:
  ExtractOutcome Extract() {
    RunConfig config;
    config.input.splits = {{"train", corpus_.Path("train.jsonl")}};
    config.store.folder = corpus_.Path("out");
    std::filesystem::create_directory(config.store.folder);
    const BuiltWork built(config, corpus_.Path(""));
    RunControl control;
    change_();
    const RowComputer processor(config.features);
    const ExtractJob job = {.work = built.work(),
                            .processor = processor,
                            .shards = {0},
                            .folder = config.store.folder,
                            .num_threads = 2,
                            .num_io_threads = 2,
                            .control = &control};
    shard_file_ = config.store.folder + '/' +
                  built.plan().ShardFileName(built.plan().shards[0]);
    return GetParam() ? melmill::Extract(job) : ExtractSerial(job);
  }

  void MakeFiles(size_t count) {
    std::vector<std::string> lines;
    for (size_t i = 0; i < count; ++i) {
      lines.push_back(corpus_.AddWav("a" + std::to_string(i) + ".wav", 4000,
                                     static_cast<uint32_t>(i)));
    }
    corpus_.WriteManifest("train.jsonl", lines);
  }

  Corpus corpus_;
  std::function<void()> change_;
  std::string shard_file_;
};

TEST_P(ChangedFilesTest, SingleLastingFaultsRejectTheirRowsOnly) {
  MakeFiles(5);
  change_ = [this] {
    corpus_.AddWav("a1.wav", 5000, 1);  // another size
    WavSpec other_rate;
    other_rate.sample_rate_hz = 8000;
    corpus_.AddWav("a2.wav", 4000, 2, other_rate);  // another header
    std::filesystem::remove(corpus_.Path("a3.wav"));
  };
  const ExtractOutcome outcome = Extract();
  ASSERT_FALSE(outcome.fault) << outcome.fault->message;
  EXPECT_EQ(outcome.num_stored, 2u);
  EXPECT_EQ(outcome.num_rejected, 3u);
  const Result<ShardReader> shard = ShardReader::Open(shard_file_);
  ASSERT_TRUE(shard.ok());
  const std::vector<ShardRow>& rows = shard.value().rows();
  EXPECT_EQ(rows[0].status, RowStatus::kStored);
  EXPECT_EQ(rows[1].reject_code, RejectCode::kChangedSincePlan);
  EXPECT_EQ(rows[2].reject_code, RejectCode::kChangedSincePlan);
  EXPECT_EQ(rows[3].reject_code, RejectCode::kIoError);
  EXPECT_EQ(rows[3].reject_detail, ENOENT);
  EXPECT_EQ(rows[3].num_frames, 0u);
  EXPECT_EQ(rows[4].status, RowStatus::kStored);
}

TEST_P(ChangedFilesTest, ManyFaultsInARowEndTheRunAndLeaveNoShard) {
  // The graph's threads may finish the ten good files among the bad ones.
  MakeFiles(400);
  change_ = [this] {
    for (int i = 10; i < 400; ++i) {
      std::filesystem::remove(corpus_.Path("a" + std::to_string(i) + ".wav"));
    }
  };
  const ExtractOutcome outcome = Extract();
  ASSERT_TRUE(outcome.fault);
  EXPECT_EQ(outcome.fault->code, ErrorCode::kMachineFault);
  EXPECT_TRUE(outcome.committed.empty());
  EXPECT_TRUE(ReadStoreFiles(corpus_.Path("out")).empty());
}

TEST_P(ChangedFilesTest, ScatteredFaultsAreRejectedHoweverMany) {
  MakeFiles(60);
  change_ = [this] {
    for (int i = 0; i < 60; i += 3) {
      std::filesystem::remove(corpus_.Path("a" + std::to_string(i) + ".wav"));
    }
  };
  const ExtractOutcome outcome = Extract();
  ASSERT_FALSE(outcome.fault) << outcome.fault->message;
  EXPECT_EQ(outcome.num_stored, 40u);
  EXPECT_EQ(outcome.num_rejected, 20u);
}

TEST_P(ChangedFilesTest, AShardOfUnreadableFilesOnlyIsNotMade) {
  MakeFiles(2);
  change_ = [this] {
    for (const char* name : {"a0.wav", "a1.wav"}) {
      std::filesystem::remove(corpus_.Path(name));
    }
  };
  const ExtractOutcome outcome = Extract();
  ASSERT_TRUE(outcome.fault);
  EXPECT_TRUE(outcome.committed.empty());
}

// Whatever the number of its segments, one bad file does not end the run.
TEST_P(ChangedFilesTest, ManySegmentsOfOneUnreadableFileAreRejected) {
  MakeFiles(3);
  std::vector<std::string> lines = {corpus_.Line("a0.wav"),
                                    corpus_.Line("a2.wav")};
  for (int start = 0; start < 3600; start += 90) {
    std::string line = corpus_.Line("a1.wav");
    line.insert(line.size() - 1,
                ", \"start_sample\": " + std::to_string(start) +
                    ", \"num_samples\": 400");
    lines.insert(lines.begin() + 1, line);
  }
  corpus_.WriteManifest("train.jsonl", lines);
  change_ = [this] { std::filesystem::remove(corpus_.Path("a1.wav")); };
  const ExtractOutcome outcome = Extract();
  ASSERT_FALSE(outcome.fault) << outcome.fault->message;
  EXPECT_EQ(outcome.num_stored, 2u);
  EXPECT_EQ(outcome.num_rejected, 40u);
}

TEST_P(ChangedFilesTest, AShardOfSegmentsOfOneUnreadableFileIsMade) {
  MakeFiles(1);
  std::string line = corpus_.Line("a0.wav");
  line.insert(line.size() - 1, ", \"start_sample\": 0, \"num_samples\": 900");
  std::string next = corpus_.Line("a0.wav");
  next.insert(next.size() - 1, ", \"start_sample\": 900, \"num_samples\": 900");
  corpus_.WriteManifest("train.jsonl", {line, next});
  change_ = [this] { std::filesystem::remove(corpus_.Path("a0.wav")); };
  const ExtractOutcome outcome = Extract();
  EXPECT_FALSE(outcome.fault);
  EXPECT_EQ(outcome.num_rejected, 2u);
}

TEST_P(ChangedFilesTest, AShardOfOneUnreadableFileIsMade) {
  MakeFiles(1);
  change_ = [this] { std::filesystem::remove(corpus_.Path("a0.wav")); };
  const ExtractOutcome outcome = Extract();
  EXPECT_FALSE(outcome.fault);
  EXPECT_EQ(outcome.num_rejected, 1u);
}

INSTANTIATE_TEST_SUITE_P(SerialAndGraph, ChangedFilesTest, testing::Bool(),
                         [](const auto& param_info) {
                           return param_info.param ? "Graph" : "Serial";
                         });

}  // namespace
}  // namespace melmill
