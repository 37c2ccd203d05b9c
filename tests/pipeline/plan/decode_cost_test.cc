#include "pipeline/plan/decode_cost.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "pipeline/plan/speed_estimate.h"
#include "store/plan/plan_row.h"
#include "store/table/table_spool.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

constexpr int kRateHz = 100;
constexpr int64_t kFileSeconds = 100;
constexpr uint64_t kBytesPerFrame = 10;
constexpr uint64_t kShardBytes = 100'000;  // 100 s

// Seconds [start, start + length) of a file; length 0 is all of it.
struct SegmentRow {
  uint64_t file = 0;
  int64_t start_s = 0;
  int64_t length_s = 0;
  SampleEncoding encoding = SampleEncoding::kFlac;
};

// What is counted for these shards of one plan.
DecodeCost Count(const std::vector<std::vector<SegmentRow>>& shards) {
  const TempFolder folder;
  Plan plan;
  auto rows = std::make_unique<TableSpool>(folder.path(), PlanColumns({}));
  PlannedFiles files(folder.path());
  std::vector<uint64_t> sources;
  for (const std::vector<SegmentRow>& shard : shards) {
    PlanRow rejected;  // has no file
    rejected.code = RejectCode::kNotFound;
    EXPECT_TRUE(AppendPlanRow(rejected, rows.get()).ok());
    plan.shards.push_back({.first_row = rows->num_rows()});
    for (const SegmentRow& row : shard) {
      PlanRow planned;
      Source& source = planned.source;
      source.header.encoding = row.encoding;
      source.header.sample_rate_hz = kRateHz;
      source.header.num_samples = kFileSeconds * kRateHz;
      source.segment_start = row.start_s * kRateHz;
      source.segment_num_samples = row.length_s * kRateHz;
      source.num_frames = row.length_s * 100;
      EXPECT_TRUE(AppendPlanRow(planned, rows.get()).ok());
      EXPECT_TRUE(files.Add({.identity = row.file}).ok());
      if (row.length_s > 0) sources.push_back(row.file);
      plan.shards.back().end_row = rows->num_rows();
    }
  }
  plan.rows = std::move(rows);
  plan.shard_target_bytes = kShardBytes;
  return CountDecodes(plan, files, kBytesPerFrame, sources).value();
}

TEST(DecodeCostTest, AFileIsDecodedUpToItsLastSegment) {
  const DecodeCost cost = Count({{{1, 50, 2}, {1, 7, 3}, {2, 5, 1}}});
  EXPECT_EQ(cost.num_segments, 3u);
  EXPECT_EQ(cost.segment_s, 6);
  EXPECT_EQ(cost.decoded_s, 52 + 6);
  EXPECT_EQ(cost.num_files_decoded_again, 0u);
  EXPECT_FALSE(cost.is_spread());
  SoundHeader header = {.encoding = SampleEncoding::kFlac,
                        .sample_rate_hz = kRateHz,
                        .num_samples = 58 * kRateHz};
  EXPECT_NEAR(cost.processor_s, DecodeSeconds(header), 1e-12);
}

TEST(DecodeCostTest, EachShardDecodesAgain) {
  const DecodeCost cost =
      Count({{{1, 50, 2}, {2, 0, 5}}, {{1, 10, 1}}, {{1, 90, 1}, {2, 9, 1}}});
  EXPECT_EQ(cost.decoded_s, (52 + 5) + 11 + (91 + 10));
  EXPECT_EQ(cost.num_files_decoded_again, 2u);
  EXPECT_EQ(cost.segment_s, 10);
}

TEST(DecodeCostTest, PlainSamplesAndWholeFilesCostNothingHere) {
  const DecodeCost cost =
      Count({{{1, 50, 2, SampleEncoding::kPcm16}, {2, 0, 0}}, {{2, 0, 0}}});
  EXPECT_EQ(cost.num_segments, 0u);
  EXPECT_EQ(cost.decoded_s, 0);
  EXPECT_FALSE(cost.is_spread());
}

// Ten files of ten segments of 10 s. A shard has ten rows: of one file, or one
// of each.
std::vector<std::vector<SegmentRow>> Shards(bool is_sorted) {
  std::vector<std::vector<SegmentRow>> shards(10);
  for (size_t i = 0; i < 10; ++i) {
    for (size_t k = 0; k < 10; ++k) {
      const size_t file = is_sorted ? i : k;
      const size_t part = is_sorted ? k : i;
      shards[i].push_back({file, static_cast<int64_t>(10 * part), 10});
    }
  }
  return shards;
}

TEST(DecodeCostTest, SpreadSegmentsAreToldFromSortedOnes) {
  const DecodeCost sorted = Count(Shards(true));
  EXPECT_EQ(sorted.decoded_s, 1000);
  EXPECT_FALSE(sorted.is_spread());
  const DecodeCost spread = Count(Shards(false));
  EXPECT_EQ(spread.decoded_s, 10 * (10 + 100) * 10 / 2);
  EXPECT_EQ(spread.num_files_decoded_again, 10u);
  EXPECT_TRUE(spread.is_spread());
  // Each file fills one shard.
  EXPECT_NEAR(spread.sorted_s, 1000 * 1.5, 1e-3);
  EXPECT_EQ(spread.sorted_s, sorted.sorted_s);
}

// A recording that fills five shards: no order of its rows helps.
TEST(DecodeCostTest, OneLongFileIsNotSpread) {
  std::vector<std::vector<SegmentRow>> shards(5);
  for (size_t i = 0; i < 50; ++i) {
    shards[i / 10].push_back({1, static_cast<int64_t>(2 * i), 10});
  }
  const DecodeCost cost = Count(shards);
  EXPECT_EQ(cost.decoded_s, 28 + 48 + 68 + 88 + 108);
  EXPECT_FALSE(cost.is_spread());
}

}  // namespace
}  // namespace melmill
