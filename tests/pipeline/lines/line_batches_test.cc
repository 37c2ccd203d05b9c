#include "pipeline/lines/line_batches.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/corpus.h"

namespace melmill {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kNumLines = 2000;

class PlanBatchesTest : public testing::Test {
 protected:
  PlanBatchesTest() {
    std::vector<std::string> lines(kNumLines, corpus_.Line("missing.wav"));
    lines[7] = corpus_.AddWav("a.wav", 2000, 1);
    corpus_.WriteManifest("train.jsonl", lines);
    config_ = corpus_.Config("store");
    config_.input.splits.resize(1);
    config_.resources.num_plan_threads = 16;
  }

  Result<void> Plan(
      const std::function<Result<void>(const LineBatch& batch)>& append) {
    std::vector<SplitReport> splits = MakeSplitReports(config_.input);
    BatchReader reader(config_, nullptr, {}, &splits);
    return PlanBatches(config_, &reader, nullptr, &control_,
                       [this, &append](LineBatch* batch) {
                         EXPECT_FALSE(is_appending_.exchange(true));
                         for (const PlannedLine& planned : batch->lines) {
                           lines_.push_back(planned.row.line);
                         }
                         // So that other batches are planned meanwhile.
                         std::this_thread::sleep_for(milliseconds(1));
                         const Result<void> done = append(*batch);
                         is_appending_ = false;
                         return done;
                       });
  }

  Corpus corpus_;
  RunConfig config_;
  RunControl control_;
  std::vector<uint64_t> lines_;  // that were appended
  std::atomic<bool> is_appending_{false};
};

TEST_F(PlanBatchesTest, AppendsLinesInOrder) {
  uint64_t num_planned = 0;
  const Result<void> done = Plan([&](const LineBatch& batch) -> Result<void> {
    for (const PlannedLine& planned : batch.lines) {
      num_planned += planned.row.is_planned() ? 1 : 0;
    }
    return {};
  });
  EXPECT_TRUE(done.ok());
  EXPECT_EQ(num_planned, 1u);
  EXPECT_EQ(control_.lines_planned, kNumLines);
  ASSERT_EQ(lines_.size(), kNumLines);
  for (uint64_t i = 0; i < kNumLines; ++i) EXPECT_EQ(lines_[i], i + 1);
}

TEST_F(PlanBatchesTest, EndsAtTheFirstError) {
  const Result<void> done = Plan([](const LineBatch&) -> Result<void> {
    return Error{ErrorCode::kMachineFault, "the disk is full"};
  });
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().message, "the disk is full");
  EXPECT_EQ(control_.lines_planned, 0u);
  ASSERT_FALSE(lines_.empty());
  EXPECT_LT(lines_.size(), kNumLines / 16);  // one batch
}

TEST_F(PlanBatchesTest, ThrowsWhatAThreadThrows) {
  EXPECT_THROW((void)Plan([](const LineBatch&) -> Result<void> {
                 throw std::bad_alloc();
               }),
               std::bad_alloc);
}

// As if each line had the maximum length, and the first batch took long.
TEST_F(PlanBatchesTest, ReadsAheadOfSlowBatchesOnlySoManyBytes) {
  constexpr size_t kLineBytes = size_t{4} << 20;
  constexpr uint64_t kMaxBytesInWork = uint64_t{32} << 20;
  std::string line = corpus_.Line("missing.wav");
  line.insert(line.find('}'), std::string(kLineBytes - line.size(), ' '));
  std::vector<std::string> lines;
  for (int i = 0; i < 16; ++i) lines.insert(lines.end(), {line, ""});
  corpus_.WriteManifest("train.jsonl", lines);
  std::vector<SplitReport> splits = MakeSplitReports(config_.input);
  BatchReader reader(config_, nullptr, {}, &splits);
  const Result<void> done = PlanBatches(
      config_, &reader, nullptr, &control_, [](LineBatch*) -> Result<void> {
        // The other threads could read all lines meanwhile.
        std::this_thread::sleep_for(milliseconds(300));
        return Error{ErrorCode::kMachineFault, "the disk is full"};
      });
  EXPECT_FALSE(done.ok());
  // Each line was followed by a blank one, which the next batch counts.
  const uint64_t num_read = splits[0].num_blank_lines + 1;
  EXPECT_GT(num_read, 1u);
  EXPECT_LE(num_read, kMaxBytesInWork / kLineBytes);
}

TEST_F(PlanBatchesTest, EndsWhenAStopIsRequested) {
  const Result<void> done = Plan([this](const LineBatch&) -> Result<void> {
    if (control_.stop_requested()) return {};
    // The other threads could plan all lines meanwhile, if they did not wait.
    std::this_thread::sleep_for(milliseconds(100));
    control_.RequestStop(SIGTERM);
    return {};
  });
  EXPECT_TRUE(done.ok());
  // What was read already is appended.
  EXPECT_EQ(control_.lines_planned, lines_.size());
  EXPECT_LT(lines_.size(), kNumLines);
}

}  // namespace
}  // namespace melmill
