#include "pipeline/row/row_list.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/table/table_spool.h"
#include "tests/support/built_work.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

class RowListTest : public testing::Test {
 protected:
  RowListTest() {
    EXPECT_EQ(plan_.shards.size(), 1u);
    const Result<void> read =
        ForEachPlanRow(*plan_.rows, 0, plan_.rows->num_rows(),
                       [this](uint64_t, const PlanRow& row) -> Result<void> {
                         rows_.push_back(row);
                         return {};
                       });
    EXPECT_TRUE(read.ok());
  }

  RunConfig MakeCorpus() {
    corpus_.WriteManifest("train.jsonl", {corpus_.AddWav("a.wav", 5000, 1),
                                          corpus_.AddWav("b.wav", 7000, 2)});
    RunConfig config = corpus_.Config("out");
    config.input.splits = {{"train", corpus_.Path("train.jsonl")}};
    config.store.shard_bytes = 1 << 20;
    return config;
  }

  // Loads the shard of the plan with these rows.
  Result<RowList> Load(const std::vector<PlanRow>& rows) {
    auto spool =
        std::make_unique<TableSpool>(corpus_.Path(""), PlanColumns({}));
    for (const PlanRow& row : rows) {
      EXPECT_TRUE(AppendPlanRow(row, spool.get()).ok());
    }
    plan_.rows = std::move(spool);
    return RowList::Load(built_.work(), plan_.shards[0]);
  }

  void ExpectRefused(const std::function<void(PlanRow*)>& change) {
    for (size_t i = 0; i < rows_.size(); ++i) {
      std::vector<PlanRow> rows = rows_;
      change(&rows[i]);
      const Result<RowList> list = Load(rows);
      ASSERT_FALSE(list.ok());
      EXPECT_EQ(list.error().code, ErrorCode::kDamaged);
    }
  }

  Corpus corpus_;
  BuiltWork built_{MakeCorpus(), corpus_.Path("")};
  Plan& plan_ = built_.plan();
  std::vector<PlanRow> rows_;
};

TEST_F(RowListTest, HoldsThePlannedRows) {
  const Result<RowList> list = Load(rows_);
  ASSERT_TRUE(list.ok()) << list.error().message;
  ASSERT_EQ(list.value().size(), 2u);
  EXPECT_EQ(list.value()[1].start,
            static_cast<uint64_t>(rows_[0].source.num_frames));
}

TEST_F(RowListTest, FilesHaveTheirPathOrTheirAudioString) {
  rows_.insert(rows_.begin(), rows_[1]);
  plan_.shards[0].num_rows = plan_.shards[0].end_row = 3;
  plan_.shards[0].num_frames +=
      static_cast<uint64_t>(rows_[0].source.num_frames);
  rows_[0].audio_path = "copies/1";
  rows_[2].audio_path = "/2";
  ASSERT_TRUE(Load(rows_).ok());
  const std::string root = "root";
  const Result<RowList> list =
      RowList::Load({plan_, built_.features(), root}, plan_.shards[0]);
  ASSERT_TRUE(list.ok()) << list.error().message;
  EXPECT_EQ(list.value()[0].audio, rows_[0].audio);
  EXPECT_EQ(list.value()[0].written_path, "copies/1");
  EXPECT_EQ(list.value()[0].path, "root/copies/1");
  EXPECT_EQ(list.value()[1].audio, rows_[1].audio);
  EXPECT_EQ(list.value()[1].path, rows_[1].audio);
  EXPECT_EQ(list.value()[2].audio, rows_[2].audio);
  EXPECT_EQ(list.value()[2].path, "/2");
}

TEST_F(RowListTest, RowsThatContradictTheirHeaderAreRefused) {
  ExpectRefused([](PlanRow* row) { row->source.num_frames += 1; });
  ExpectRefused([](PlanRow* row) { row->source.num_frames = 0; });
  ExpectRefused([](PlanRow* row) { row->source.num_samples -= 1; });
  ExpectRefused([](PlanRow* row) { row->source.num_samples = 1; });
  ExpectRefused([](PlanRow* row) { row->source.num_samples = INT64_MIN; });
  ExpectRefused([](PlanRow* row) { row->split = 7; });
  ExpectRefused([](PlanRow* row) {
    row->source.header.encoding = static_cast<SampleEncoding>(9);
  });
  ExpectRefused([](PlanRow* row) { row->source.header.sample_rate_hz = 0; });
  ExpectRefused(
      [](PlanRow* row) { row->source.header.sample_rate_hz = 768'001; });
  ExpectRefused([](PlanRow* row) { row->source.header.num_channels = 0; });
  ExpectRefused([](PlanRow* row) { row->source.header.num_channels = 65; });
  ExpectRefused(
      [](PlanRow* row) { row->source.header.data_offset = UINT64_MAX; });
  ExpectRefused([](PlanRow* row) { row->source.header.data_bytes += 2; });
  ExpectRefused([](PlanRow* row) { row->source.file_bytes = 40; });
  ExpectRefused([](PlanRow* row) { row->source.header.num_samples += 1; });
}

TEST_F(RowListTest, PiecesThatAreNotInTheirFileAreRefused) {
  ExpectRefused([](PlanRow* row) { row->source.segment_start = 1; });
  ExpectRefused([](PlanRow* row) { row->source.segment_num_samples = -1; });
  ExpectRefused([](PlanRow* row) {
    row->source.segment_start = -1;
    row->source.segment_num_samples = row->source.header.num_samples;
  });
  ExpectRefused([](PlanRow* row) {
    row->source.segment_start = 1;
    row->source.segment_num_samples = row->source.header.num_samples;
  });
  ExpectRefused([](PlanRow* row) {
    row->source.segment_start = INT64_MAX;
    row->source.segment_num_samples = INT64_MAX;
  });
  // The numbers of samples and frames are those of the whole file.
  ExpectRefused([](PlanRow* row) { row->source.segment_num_samples = 3000; });
  ExpectRefused([](PlanRow* row) { row->source.range = {0, 1}; });
  ExpectRefused([](PlanRow* row) { row->source.range = {1, 0}; });
  ExpectRefused([](PlanRow* row) {
    row->source.range = {UINT64_MAX, row->source.file_bytes};
  });
}

TEST_F(RowListTest, AShardThatContradictsItsRowsIsRefused) {
  const PlannedShard good = plan_.shards[0];
  for (const auto& change : std::vector<std::function<void(PlannedShard*)>>{
           [](PlannedShard* shard) { shard->num_rows = 1; },
           [](PlannedShard* shard) { shard->num_rows = 0; },
           [](PlannedShard* shard) { shard->num_frames -= 1; },
           [](PlannedShard* shard) { shard->num_frames += 1; },
           [](PlannedShard* shard) { shard->end_row -= 1; }}) {
    plan_.shards[0] = good;
    change(&plan_.shards[0]);
    const Result<RowList> list = Load(rows_);
    ASSERT_FALSE(list.ok());
    EXPECT_EQ(list.error().code, ErrorCode::kDamaged);
  }
  // No row is planned, but a shard must have rows.
  plan_.shards[0] = good;
  plan_.shards[0].num_rows = plan_.shards[0].num_frames = 0;
  std::vector<PlanRow> rows = rows_;
  for (PlanRow& row : rows) row.code = RejectCode::kForeignFormat;
  EXPECT_FALSE(Load(rows).ok());
}

}  // namespace
}  // namespace melmill
