#include "store/table/split_table.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "store/hdf5/h5_contents.h"
#include "store/table/table_file.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

PlanRow MakeRow(int64_t start, int64_t num_samples, ByteRange range) {
  PlanRow row;
  row.line = 5;
  row.audio = "a.wav";
  row.kept = {"7"};
  row.source.header.sample_rate_hz = 8000;
  row.source.segment_start = start;
  row.source.segment_num_samples = num_samples;
  row.source.range = range;
  return row;
}

TEST(SplitTableTest, OnlyTablesWithPiecesHaveTheirColumns) {
  const TempFolder folder;
  const ShardRow stored = {.start = 3, .num_frames = 9, .num_samples = 1500};
  for (const bool has_pieces : {false, true}) {
    SplitTableWriter writer(folder.path(), {"id"}, {.pieces = has_pieces});
    ASSERT_TRUE(writer.Append(MakeRow(0, 0, {}), stored, 1).ok());
    ASSERT_TRUE(writer.Append(MakeRow(70, 80, {512, 90}), stored, 1).ok());
    const std::string path = folder.File(has_pieces ? "2.h5" : "1.h5");
    ASSERT_TRUE(writer.WriteFile(path).ok());
    const auto contents = ReadH5Contents(path);
    ASSERT_TRUE(contents.ok());
    EXPECT_EQ(*contents.value().FindAttribute("format"),
              has_pieces ? "melmill rows 2" : "melmill rows 1");
    for (const char* column : {"segment_start", "segment_num_samples",
                               "source_rate", "range_offset", "range_bytes"}) {
      EXPECT_EQ(contents.value().FindDataset(column) != nullptr, has_pieces);
    }
  }
  const auto table = TableFile::Open(
      folder.File("2.h5"), SplitTableColumns({"id"}, {.pieces = true}));
  ASSERT_TRUE(table.ok());
  const auto block = table.value()->Read(0, 2, 1 << 20);
  ASSERT_TRUE(block.ok());
  const size_t first = SplitTableFirstPiece(1);
  const auto number = [&](size_t column, size_t row) {
    return block.value().Number(first + column, row);
  };
  EXPECT_EQ(number(kSplitTableSegmentNumSamples, 0), 0u);
  EXPECT_EQ(number(kSplitTableRangeBytes, 0), 0u);
  EXPECT_EQ(number(kSplitTableSourceRate, 0), 8000u);
  EXPECT_EQ(number(kSplitTableSegmentStart, 1), 70u);
  EXPECT_EQ(number(kSplitTableSegmentNumSamples, 1), 80u);
  EXPECT_EQ(number(kSplitTableRangeOffset, 1), 512u);
  EXPECT_EQ(number(kSplitTableRangeBytes, 1), 90u);
  EXPECT_EQ(block.value().Text(kSplitTableFirstKept, 1), "7");
}

TEST(SplitTableTest, OnlyTablesWithAudioPathsHaveTheirColumn) {
  const TempFolder folder;
  PlanRow staged = MakeRow(70, 80, {512, 90});
  staged.audio = "s3://b/a.wav";
  staged.audio_path = "clips/a.wav";
  for (const bool has_pieces : {false, true}) {
    const OptionalColumns optional = {has_pieces, /*audio_paths=*/true};
    SplitTableWriter writer(folder.path(), {"id"}, optional);
    ASSERT_TRUE(writer.Append(MakeRow(0, 0, {}), {}, 1).ok());
    ASSERT_TRUE(writer.Append(staged, {}, 1).ok());
    const std::string path = folder.File("t.h5");
    std::filesystem::remove(path);
    ASSERT_TRUE(writer.WriteFile(path).ok());
    const auto table =
        TableFile::Open(path, SplitTableColumns({"id"}, optional));
    ASSERT_TRUE(table.ok()) << table.error().message;
    EXPECT_EQ(*table.value()->contents().FindAttribute("format"),
              has_pieces ? "melmill rows 2" : "melmill rows 1");
    const auto block = table.value()->Read(0, 2, 1 << 20);
    ASSERT_TRUE(block.ok());
    const size_t column = SplitTableAudioPath(1, has_pieces);
    EXPECT_EQ(block.value().Text(column, 0), "");
    EXPECT_EQ(block.value().Text(column, 1), "clips/a.wav");
    EXPECT_EQ(block.value().Text(kSplitTableAudio, 1), "s3://b/a.wav");
    EXPECT_EQ(block.value().Text(kSplitTableFirstKept, 1), "7");
  }
}

}  // namespace
}  // namespace melmill
