#include "pipeline/plan/shard_cutter.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "pipeline/setup/run_config.h"
#include "store/plan/plan_row.h"
#include "store/table/table_spool.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

constexpr uint64_t kTarget = 100'000;

struct Row {
  std::string audio;
  uint64_t num_bytes;
};

std::vector<Row> MakeRows(size_t count) {
  std::mt19937 random(1);
  std::uniform_int_distribution<uint64_t> size(1000, 9000);
  std::vector<Row> rows;
  for (size_t i = 0; i < count; ++i) {
    rows.push_back({"clip-" + std::to_string(i) + ".wav", size(random)});
  }
  return rows;
}

// The shards as the names of their first rows, and their sizes.
struct Cut {
  std::vector<std::string> first_rows;
  std::vector<uint64_t> sizes;
};

Cut CutRows(const std::vector<Row>& rows) {
  ShardCutter cutter(kTarget);
  Cut cut;
  for (const Row& row : rows) {
    if (cutter.StartsShard(row.audio, row.num_bytes)) {
      cut.first_rows.push_back(row.audio);
      cut.sizes.push_back(0);
    }
    cut.sizes.back() += row.num_bytes;
  }
  return cut;
}

TEST(ShardCutterTest, ShardsHoldHalfToOneAndAHalfTargets) {
  const Cut cut = CutRows(MakeRows(5000));
  ASSERT_GT(cut.sizes.size(), 100u);
  uint64_t sum = 0;
  for (size_t i = 0; i + 1 < cut.sizes.size(); ++i) {
    EXPECT_GE(cut.sizes[i], kTarget / 2) << "shard " << i;
    EXPECT_LE(cut.sizes[i], kTarget * 3 / 2) << "shard " << i;
    sum += cut.sizes[i];
  }
  const double mean = static_cast<double>(sum) /
                      static_cast<double>(cut.sizes.size() - 1) / kTarget;
  EXPECT_GT(mean, 0.75);
  EXPECT_LT(mean, 1.0);
}

// The cuts that `rows` and `changed` do not share.
size_t CountMovedCuts(const std::vector<Row>& rows,
                      const std::vector<Row>& changed) {
  const Cut before = CutRows(rows);
  const Cut after = CutRows(changed);
  const std::set<std::string> old_cuts(before.first_rows.begin(),
                                       before.first_rows.end());
  size_t num_moved = 0;
  for (const std::string& first : after.first_rows) {
    if (!old_cuts.contains(first)) ++num_moved;
  }
  return num_moved;
}

TEST(ShardCutterTest, ALineAddedOrRemovedMovesOnlyCutsNearby) {
  const std::vector<Row> rows = MakeRows(5000);
  size_t num_moved = 0;
  constexpr size_t kTrials = 40;
  for (size_t trial = 0; trial < kTrials; ++trial) {
    std::vector<Row> added = rows;
    added.insert(added.begin() + static_cast<ptrdiff_t>(100 * trial),
                 {"new.wav", 5000});
    num_moved += CountMovedCuts(rows, added);
    std::vector<Row> removed = rows;
    removed.erase(removed.begin() + static_cast<ptrdiff_t>(100 * trial));
    num_moved += CountMovedCuts(rows, removed);
  }
  // About 270 cuts follow each change; fixed-size shards would move all of
  // them.
  EXPECT_LT(num_moved, 2 * kTrials * 4);
}

TEST(ShardCutterTest, EveryRowIsAShardWhenRowsExceedTheTarget) {
  ShardCutter cutter(1);
  for (const Row& row : MakeRows(20)) {
    EXPECT_TRUE(cutter.StartsShard(row.audio, row.num_bytes));
  }
}

TEST(ShardCutterTest, ASplitStartsAShard) {
  ShardCutter cutter(kTarget);
  EXPECT_TRUE(cutter.StartsShard("a", 10));
  EXPECT_FALSE(cutter.StartsShard("b", 10));
  cutter.StartSplit();
  EXPECT_TRUE(cutter.StartsShard("c", 10));
}

TEST(ChooseShardBytesTest, DoublesUntilNoSplitNeedsOver4096Shards) {
  EXPECT_EQ(ChooseShardBytes({}), kDefaultShardBytes);
  EXPECT_EQ(ChooseShardBytes({4095 * kDefaultShardBytes}), kDefaultShardBytes);
  EXPECT_EQ(ChooseShardBytes({5, 4096 * kDefaultShardBytes}),
            2 * kDefaultShardBytes);
  EXPECT_EQ(ChooseShardBytes({16000 * kDefaultShardBytes}),
            4 * kDefaultShardBytes);
}

// 100,000 hours are 4,293 shards.
TEST(ChooseShardBytesTest, NoShardIsOver2GiB) {
  const uint64_t most = uint64_t{2} << 30;
  EXPECT_EQ(ChooseShardBytes({most * 4293}), most);
  EXPECT_EQ(ChooseShardBytes({most * 100'000}), most);
}

class LayOutShardsTest : public testing::Test {
 protected:
  void AddRow(uint32_t split, const std::string& audio, int64_t num_frames,
              RejectCode code = RejectCode::kNone) {
    PlanRow row;
    row.split = split;
    row.line = table_.num_rows() + 1;
    row.code = code;
    row.audio = audio;
    row.text = text_;
    row.source.file_bytes = 1000;
    row.source.header.sample_rate_hz = 16000;
    row.source.num_frames = num_frames;
    ASSERT_TRUE(AppendPlanRow(row, &table_).ok());
  }

  std::vector<PlannedShard> LayOut(uint64_t target_bytes = 1 << 20) {
    auto shards = LayOutShards(table_, shape_, target_bytes);
    EXPECT_TRUE(shards.ok());
    return shards.value();
  }

  TempFolder folder_;
  TableSpool table_{folder_.path(), PlanColumns({})};
  ShardShape shape_{"contract", "producer", 256};
  std::string text_;
};

TEST_F(LayOutShardsTest, RejectedRowsHaveNoPlaceInShards) {
  AddRow(0, "bad", 0, RejectCode::kNotFound);
  AddRow(0, "a", 10);
  AddRow(0, "bad", 0, RejectCode::kNotFound);
  AddRow(0, "b", 20);
  AddRow(0, "bad", 0, RejectCode::kNotFound);
  AddRow(1, "c", 30);
  const auto shards = LayOut();
  ASSERT_EQ(shards.size(), 2u);
  EXPECT_EQ(shards[0].first_row, 1u);
  EXPECT_EQ(shards[0].end_row, 4u);
  EXPECT_EQ(shards[0].num_rows, 2u);
  EXPECT_EQ(shards[0].num_frames, 30u);
  EXPECT_EQ(shards[1].split, 1u);
  EXPECT_EQ(shards[1].num_frames, 30u);
  EXPECT_EQ(shards[0].FileName("train").size(),
            std::string("train.h5").size() + 13);
}

TEST_F(LayOutShardsTest, FingerprintsFollowAudioAndContractNotTexts) {
  AddRow(0, "a", 10);
  const Hash128 original = LayOut()[0].fingerprint;
  shape_.contract = "another";
  EXPECT_NE(LayOut()[0].fingerprint, original);
  shape_.contract = "contract";
  shape_.producer = "another";
  EXPECT_NE(LayOut()[0].fingerprint, original);
  shape_.producer = "producer";

  text_ = "another text";
  AddRow(1, "a", 10);  // at another line, too
  AddRow(2, "b", 10);
  const auto shards = LayOut();
  EXPECT_EQ(shards[1].fingerprint, original);
  EXPECT_NE(shards[2].fingerprint, original);
}

}  // namespace
}  // namespace melmill
