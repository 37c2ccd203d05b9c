#include "pipeline/extract/row_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <utility>
#include <vector>

namespace melmill {
namespace {

// Shards whose rows have the given numbers of frames, and twice as many bytes.
class FakeShards : public RowSource {
 public:
  explicit FakeShards(std::vector<std::vector<uint64_t>> frames)
      : frames_(std::move(frames)) {}

  Result<ShardSize> Open(size_t shard) override {
    if (shard == broken) return Error{ErrorCode::kMachineFault, "full"};
    opened.push_back(shard);
    return ShardSize{.num_rows = frames_[shard].size(),
                     .num_frames = NumFrames(shard)};
  }
  RowSize SizeOf(size_t shard, size_t row) const override {
    return {frames_[shard][row], 2 * frames_[shard][row]};
  }

  uint64_t NumFrames(size_t shard) const {
    return std::accumulate(frames_[shard].begin(), frames_[shard].end(),
                           uint64_t{0});
  }

  std::vector<size_t> opened;
  size_t broken = 1000;

 private:
  std::vector<std::vector<uint64_t>> frames_;
};

std::vector<size_t> FirstShards(size_t count) {
  std::vector<size_t> shards(count);
  std::iota(shards.begin(), shards.end(), size_t{0});
  return shards;
}

constexpr RowQueue::Limits kNoLimits = {.max_bytes = 1'000'000,
                                        .max_lost_frames = 1'000'000};

using Place = std::pair<size_t, size_t>;  // shard and row

// Takes all rows that are given out before any comes back.
std::vector<QueuedRow> TakeAll(RowQueue* queue) {
  std::vector<QueuedRow> rows;
  while (true) {
    const auto next = queue->Next();
    EXPECT_TRUE(next.ok());
    if (!next.value()) return rows;
    rows.push_back(*next.value());
  }
}

std::vector<Place> Places(const std::vector<QueuedRow>& rows) {
  std::vector<Place> places;
  for (const QueuedRow& row : rows) places.emplace_back(row.shard, row.row);
  return places;
}

TEST(RowQueueTest, FillsShardsInTheOrderGiven) {
  FakeShards shards({{1, 1}, {1}, {1, 1, 1}});
  RowQueue queue({2, 0, 1}, kNoLimits, &shards);
  const std::vector<QueuedRow> rows = TakeAll(&queue);
  EXPECT_EQ(Places(rows), (std::vector<Place>{
                              {2, 0}, {2, 1}, {2, 2}, {0, 0}, {0, 1}, {1, 0}}));
  EXPECT_EQ(queue.bytes_given_out(), 12u);
  // Whichever row comes back last completes its shard.
  EXPECT_FALSE(queue.Settle(rows[2]));
  EXPECT_TRUE(queue.Settle(rows[5]));
  EXPECT_FALSE(queue.Settle(rows[0]));
  EXPECT_TRUE(queue.Settle(rows[1]));
  EXPECT_EQ(queue.bytes_given_out(), 4u);
}

TEST(RowQueueTest, OpensAShardWhenItsFirstRowMayBeNext) {
  FakeShards shards({{1, 1}, {1}});
  RowQueue queue({0, 1}, kNoLimits, &shards);
  EXPECT_TRUE(queue.Next().value());
  EXPECT_TRUE(queue.Next().value());
  EXPECT_EQ(shards.opened, std::vector<size_t>{0});
  shards.broken = 1;
  EXPECT_EQ(queue.Next().error().message, "full");
}

TEST(RowQueueTest, KeepsToTheMemoryButForOneRow) {
  FakeShards shards({{60, 30, 10, 5, 60}});
  RowQueue queue({0}, {.max_bytes = 90, .max_lost_frames = 1000}, &shards);
  std::vector<QueuedRow> rows = TakeAll(&queue);
  ASSERT_EQ(Places(rows), std::vector<Place>({{0, 0}}));  // 120 bytes
  EXPECT_FALSE(queue.waits_for_commit());
  queue.Settle(rows[0]);
  rows = TakeAll(&queue);
  EXPECT_EQ(Places(rows), (std::vector<Place>{{0, 1}, {0, 2}, {0, 3}}));
  EXPECT_EQ(queue.bytes_given_out(), 90u);
  for (const QueuedRow& row : rows) queue.Settle(row);
  EXPECT_EQ(Places(TakeAll(&queue)), std::vector<Place>({{0, 4}}));
}

TEST(RowQueueTest, KeepsToTheMemoryForRowsTriedAgainToo) {
  FakeShards shards({{30, 30}});
  RowQueue queue({0}, {.max_bytes = 100, .max_lost_frames = 1000}, &shards);
  queue.Defer(*queue.Next().value());
  const std::vector<QueuedRow> rows = TakeAll(&queue);
  ASSERT_EQ(Places(rows), std::vector<Place>({{0, 1}}));
  queue.Settle(rows[0]);
  EXPECT_EQ(Places(TakeAll(&queue)), std::vector<Place>({{0, 0}}));
}

TEST(RowQueueTest, GoesNoFurtherAheadThanALostShard) {
  FakeShards shards({{10, 10, 10}, {10, 10, 10, 10}, {10, 10}});
  RowQueue queue({0, 1, 2}, {.max_bytes = 1000, .max_lost_frames = 40},
                 &shards);
  std::vector<QueuedRow> rows = TakeAll(&queue);
  ASSERT_EQ(rows.size(), 4u);  // the first shard and one row of the second
  EXPECT_TRUE(queue.waits_for_commit());
  // The rows are made, but not yet committed.
  for (const QueuedRow& row : rows) queue.Settle(row);
  EXPECT_FALSE(queue.Next().value());
  EXPECT_TRUE(queue.waits_for_commit());
  queue.Forget(0);
  EXPECT_EQ(Places(TakeAll(&queue)),
            (std::vector<Place>{{1, 1}, {1, 2}, {1, 3}}));
}

TEST(RowQueueTest, GivesEachFurtherThreadOneRowBeyondThat) {
  FakeShards shards({{40}, {10, 30, 10, 10}, {10}});
  RowQueue queue(
      {0, 1, 2},
      {.max_bytes = 1000, .max_lost_frames = 60, .num_further_rows = 2},
      &shards);
  EXPECT_EQ(TakeAll(&queue).size(), 5u);  // 40 + 10 + 10, and 30 and 10
  queue.Forget(0);
  EXPECT_EQ(TakeAll(&queue).size(), 1u);  // 10 + 30 + 10 + 10, and 10
  EXPECT_FALSE(queue.waits_for_commit());
}

// Never more than the bound may be at risk, whatever the order of events.
TEST(RowQueueTest, KeepsTheBoundInAnyOrderOfEvents) {
  std::mt19937 random(14);
  const auto draw = [&random](size_t end) {
    return std::uniform_int_distribution<size_t>(0, end - 1)(random);
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<std::vector<uint64_t>> frames(1 + draw(6));
    for (auto& rows : frames) {
      rows.resize(1 + draw(8));
      for (uint64_t& row : rows) row = 1 + draw(100);
    }
    FakeShards shards(frames);
    RowQueue::Limits limits = {.max_bytes = 500, .num_further_rows = draw(4)};
    for (size_t i = 0; i < frames.size(); ++i) {
      limits.max_lost_frames =
          std::max(limits.max_lost_frames, shards.NumFrames(i));
    }
    RowQueue queue(FirstShards(frames.size()), limits, &shards);
    std::vector<QueuedRow> in_work;
    std::vector<size_t> complete;
    std::map<size_t, std::vector<uint64_t>> at_risk;  // rows by shard
    std::set<size_t> uncounted;  // shards with a row that waited for a retry
    size_t num_committed = 0;
    while (num_committed < frames.size()) {
      const auto next = queue.Next();
      if (next.value()) {
        in_work.push_back(*next.value());
        at_risk[next.value()->shard].push_back(next.value()->num_frames);
        std::vector<uint64_t> rows;
        for (const auto& [shard, more] : at_risk) {
          if (uncounted.contains(shard)) continue;
          rows.insert(rows.end(), more.begin(), more.end());
        }
        std::sort(rows.rbegin(), rows.rend());
        rows.erase(rows.begin(),
                   rows.begin() + static_cast<ptrdiff_t>(std::min(
                                      rows.size(), limits.num_further_rows)));
        ASSERT_LE(std::accumulate(rows.begin(), rows.end(), uint64_t{0}),
                  limits.max_lost_frames);
        if (draw(2) == 0) continue;
      }
      ASSERT_TRUE(!in_work.empty() || !complete.empty());
      if (complete.empty() || (!in_work.empty() && draw(3) > 0)) {
        const size_t pick = draw(in_work.size());
        const QueuedRow row = in_work[pick];
        in_work.erase(in_work.begin() + static_cast<ptrdiff_t>(pick));
        if (row.attempt < 3 && draw(10) == 0) {
          queue.Defer(row);
          uncounted.insert(row.shard);
        } else if (queue.Settle(row)) {
          complete.push_back(row.shard);
        }
      } else {
        queue.Forget(complete.front());
        at_risk.erase(complete.front());
        complete.erase(complete.begin());
        ++num_committed;
      }
    }
    EXPECT_FALSE(queue.Next().value());
  }
}

TEST(RowQueueTest, TriesRowsAgainWhenAllOthersAreDone) {
  FakeShards shards({{1, 1}, {1}});
  RowQueue queue({0, 1}, kNoLimits, &shards);
  const QueuedRow bad = *queue.Next().value();
  EXPECT_EQ(bad.attempt, 1);
  queue.Defer(bad);
  EXPECT_EQ(queue.bytes_given_out(), 0u);
  const std::vector<QueuedRow> rows = TakeAll(&queue);
  ASSERT_EQ(Places(rows), (std::vector<Place>{{0, 1}, {1, 0}, {0, 0}}));
  EXPECT_EQ(rows[2].attempt, 2);
  queue.Settle(rows[0]);
  EXPECT_TRUE(queue.Settle(rows[2]));
}

TEST(RowQueueTest, TriesRowsAgainInTheOrderInWhichTheyFailed) {
  FakeShards shards({{1, 1, 1}});
  RowQueue queue({0}, kNoLimits, &shards);
  const std::vector<QueuedRow> rows = TakeAll(&queue);
  for (const size_t row : {1, 2, 0}) queue.Defer(rows[row]);
  EXPECT_EQ(Places(TakeAll(&queue)),
            (std::vector<Place>{{0, 1}, {0, 2}, {0, 0}}));
}

TEST(RowQueueTest, AShardThatWaitsForARetryHoldsUpNoOther) {
  FakeShards shards({{20, 20}, {40}, {40}});
  RowQueue queue({0, 1, 2}, {.max_bytes = 1000, .max_lost_frames = 40},
                 &shards);
  queue.Defer(*queue.Next().value());
  EXPECT_EQ(Places(TakeAll(&queue)), (std::vector<Place>{{0, 1}, {1, 0}}));
  EXPECT_TRUE(queue.waits_for_commit());
  queue.Forget(1);
  EXPECT_EQ(Places(TakeAll(&queue)), (std::vector<Place>{{2, 0}, {0, 0}}));
}

TEST(RowQueueTest, AnyNumberOfRowsOfAShardMayWaitForARetry) {
  FakeShards shards({std::vector<uint64_t>(1000, 1), {1}});
  RowQueue queue({0, 1}, kNoLimits, &shards);
  for (int i = 0; i < 1000; ++i) queue.Defer(*queue.Next().value());
  EXPECT_EQ(queue.Next().value()->shard, 1u);
  EXPECT_EQ(TakeAll(&queue).size(), 1000u);
}

TEST(RowQueueTest, TriesRowsAgainBeforeTheyKeepTooManyShardsOpen) {
  constexpr size_t kMax = RowQueue::kMaxWaitingShards;
  FakeShards shards(std::vector<std::vector<uint64_t>>(kMax + 2, {1, 1}));
  RowQueue queue(FirstShards(kMax + 2), kNoLimits, &shards);
  for (size_t i = 0; i < kMax; ++i) {
    queue.Defer(*queue.Next().value());
    queue.Settle(*queue.Next().value());
  }
  EXPECT_EQ(shards.opened.size(), kMax);
  const std::vector<QueuedRow> retried = TakeAll(&queue);
  ASSERT_EQ(retried.size(), kMax);
  EXPECT_EQ(Places(retried)[0], Place(0, 0));
  EXPECT_EQ(retried[0].attempt, 2);
  EXPECT_EQ(shards.opened.size(), kMax);
  // One that waits again makes no room, one that is settled does.
  queue.Defer(retried[1]);
  EXPECT_EQ(Places(TakeAll(&queue)), std::vector<Place>({{1, 0}}));
  EXPECT_TRUE(queue.Settle(retried[0]));
  EXPECT_EQ(queue.Next().value()->shard, kMax);
}

TEST(RowQueueTest, StoppedGivesOutRowsOfTheKeptShardsOnly) {
  FakeShards shards({{10, 10, 10}, {10, 10, 10}, {10}});
  RowQueue queue({0, 1, 2}, {.max_bytes = 1000, .max_lost_frames = 60},
                 &shards);
  std::vector<QueuedRow> rows;
  for (int i = 0; i < 4; ++i) rows.push_back(*queue.Next().value());
  queue.Defer(rows[1]);
  queue.Settle(rows[0]);
  const auto computed = [](size_t shard) { return shard == 0 ? 12u : 0u; };
  const std::vector<ShardRest> rests = queue.Rests(computed);
  ASSERT_EQ(rests.size(), 2u);
  EXPECT_EQ(rests[0].shard, 0u);
  EXPECT_EQ(rests[0].num_rows, 2u);
  EXPECT_EQ(rests[0].num_frames, 18u);
  EXPECT_EQ(rests[1].num_rows, 3u);
  EXPECT_EQ(rests[1].num_frames, 30u);

  queue.Stop({0});
  EXPECT_EQ(queue.bytes_given_out(), 40u);
  queue.GiveUp(rows[3]);
  EXPECT_EQ(queue.bytes_given_out(), 20u);
  const std::vector<QueuedRow> retried = TakeAll(&queue);
  EXPECT_EQ(Places(retried), std::vector<Place>({{0, 1}}));
  EXPECT_FALSE(queue.Settle(rows[2]));
  EXPECT_TRUE(queue.Settle(retried[0]));
  EXPECT_FALSE(queue.Next().value());
  EXPECT_EQ(shards.opened, (std::vector<size_t>{0, 1}));
}

TEST(RowQueueTest, StoppedFillsAKeptShardToItsEnd) {
  FakeShards shards({{10, 10}, {10, 10, 10}, {10}});
  RowQueue queue({0, 1, 2}, {.max_bytes = 1000, .max_lost_frames = 30},
                 &shards);
  std::vector<QueuedRow> rows = TakeAll(&queue);
  ASSERT_EQ(Places(rows), (std::vector<Place>{{0, 0}, {0, 1}, {1, 0}}));
  // The dropped shard's frames no longer count as lost.
  queue.Stop({1});
  EXPECT_EQ(Places(TakeAll(&queue)), (std::vector<Place>{{1, 1}, {1, 2}}));
  queue.Defer(rows[0]);
  EXPECT_TRUE(TakeAll(&queue).empty());
}

TEST(RowQueueTest, StoppedKeepsToTheBound) {
  FakeShards shards({{10, 10}, {10, 10, 10}});
  RowQueue queue({0, 1}, {.max_bytes = 1000, .max_lost_frames = 30}, &shards);
  const std::vector<QueuedRow> rows = TakeAll(&queue);
  ASSERT_EQ(rows.size(), 3u);
  queue.Settle(rows[0]);
  EXPECT_TRUE(queue.Settle(rows[1]));
  // The first shard is being committed.
  queue.Stop({1});
  EXPECT_FALSE(queue.Next().value());
  EXPECT_TRUE(queue.waits_for_commit());
  queue.Forget(0);
  EXPECT_EQ(Places(TakeAll(&queue)), (std::vector<Place>{{1, 1}, {1, 2}}));
}

TEST(RowQueueTest, StoppedTriesNoRowOfADroppedShardAgain) {
  FakeShards shards({{10}, {10}});
  RowQueue queue({0, 1}, kNoLimits, &shards);
  for (const QueuedRow& row : TakeAll(&queue)) queue.Defer(row);
  queue.Stop({1});
  EXPECT_EQ(Places(TakeAll(&queue)), std::vector<Place>({{1, 0}}));
}

TEST(RowQueueTest, RestsAreOfShardsWithRowsToSettle) {
  FakeShards shards({{10}, {10}, {10}, {10}});
  RowQueue queue({0, 1, 2, 3}, kNoLimits, &shards);
  std::vector<QueuedRow> rows = TakeAll(&queue);
  queue.Settle(rows[0]);
  queue.Forget(1);  // it will get no name
  // Failed attempts also computed frames.
  const auto computed = [](size_t shard) { return shard == 2 ? 25u : 4u; };
  const std::vector<ShardRest> rests = queue.Rests(computed);
  ASSERT_EQ(rests.size(), 2u);
  EXPECT_EQ(rests[0].shard, 2u);
  EXPECT_EQ(rests[0].num_frames, 0u);
  EXPECT_EQ(rests[1].num_frames, 6u);
}

TEST(ShardsToCompleteTest, TakesTheNearestThatFitTogether) {
  const std::vector<ShardRest> rests = {
      {.shard = 5, .num_rows = 9, .num_frames = 600},
      {.shard = 4, .num_rows = 9, .num_frames = 300},
      {.shard = 3, .num_rows = 9, .num_frames = 200}};
  EXPECT_EQ(ShardsToComplete(rests, 100, 10, 1), (std::vector<size_t>{3, 4}));
  EXPECT_EQ(ShardsToComplete(rests, 100, 11, 1),
            (std::vector<size_t>{3, 4, 5}));
  EXPECT_EQ(ShardsToComplete(rests, 100, 4.9, 1), std::vector<size_t>{3});
  EXPECT_TRUE(ShardsToComplete(rests, 100, 1.9, 1).empty());
  EXPECT_TRUE(ShardsToComplete(rests, 100, 0, 1).empty());
}

TEST(ShardsToCompleteTest, OneRowGetsOneThread) {
  // 4 threads together make 400 frames a second, one makes 100.
  const std::vector<ShardRest> rests = {
      {.shard = 0, .num_rows = 1, .num_frames = 300},
      {.shard = 1, .num_rows = 4, .num_frames = 400}};
  EXPECT_EQ(ShardsToComplete(rests, 400, 2.9, 4), std::vector<size_t>{1});
  EXPECT_EQ(ShardsToComplete(rests, 400, 3, 4), (std::vector<size_t>{0, 1}));
}

TEST(ShardsToCompleteTest, WithNothingMeasuredOnlyWhatIsMadeFits) {
  EXPECT_EQ(ShardsToComplete({{.shard = 7, .num_rows = 1, .num_frames = 0},
                              {.shard = 8, .num_rows = 1, .num_frames = 1}},
                             0, 10, 2),
            std::vector<size_t>{7});
}

}  // namespace
}  // namespace melmill
