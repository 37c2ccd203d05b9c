#include "store/table/table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "store/hdf5/h5_contents.h"
#include "store/table/table_file.h"
#include "store/table/table_spool.h"
#include "tests/support/limited_child.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

std::vector<ColumnSpec> Columns() {
  return {{"line", ColumnType::kU64},
          {"text", ColumnType::kText},
          {"shard", ColumnType::kU32},
          {"audio", ColumnType::kText},
          {"flag", ColumnType::kU8}};
}

struct Row {
  uint64_t line = 0;
  std::string text;
  uint32_t shard = 0;
  std::string audio;
  uint8_t flag = 0;
};

// Rows whose texts are sometimes empty and sometimes larger than a block.
Row MakeRow(uint64_t number) {
  std::mt19937_64 random(number);
  Row row;
  row.line = random();
  row.text = std::string(number % 3 == 0 ? 0 : random() % 200,
                         static_cast<char>('a' + number % 26));
  row.shard = static_cast<uint32_t>(random());
  row.audio = "/corpus/" + std::to_string(number) + ".wav";
  if (number % 1000 == 7) row.audio += std::string(150'000, 'z');
  row.flag = static_cast<uint8_t>(random());
  return row;
}

void AppendRows(uint64_t num_rows, TableSpool& spool) {
  for (uint64_t i = 0; i < num_rows; ++i) {
    const Row row = MakeRow(i);
    spool.AddNumber(4, row.flag);  // any order
    spool.AddText(1, row.text);
    spool.AddNumber(0, row.line);
    spool.AddText(3, row.audio);
    spool.AddNumber(2, row.shard);
    ASSERT_TRUE(spool.EndRow().ok());
  }
}

void ExpectRow(const TableBlock& block, size_t row) {
  const Row expected = MakeRow(block.first_row() + row);
  ASSERT_EQ(block.Number(0, row), expected.line);
  ASSERT_EQ(block.Text(1, row), expected.text);
  ASSERT_EQ(block.Number(2, row), expected.shard);
  ASSERT_EQ(block.Text(3, row), expected.audio);
  ASSERT_EQ(block.Number(4, row), expected.flag);
}

void ExpectRows(const TableReader& table, uint64_t num_rows, size_t max_rows,
                size_t max_bytes) {
  ASSERT_EQ(table.num_rows(), num_rows);
  uint64_t next = 0;
  while (next < num_rows) {
    const auto block = table.Read(next, max_rows, max_bytes);
    ASSERT_TRUE(block.ok()) << block.error().message;
    ASSERT_EQ(block.value().first_row(), next);
    ASSERT_GE(block.value().num_rows(), 1u);
    ASSERT_LE(block.value().num_rows(), max_rows);
    for (size_t r = 0; r < block.value().num_rows(); ++r) {
      ExpectRow(block.value(), r);
    }
    next += block.value().num_rows();
  }
  EXPECT_EQ(next, num_rows);
}

TEST(TableTest, SpoolAndFileGiveBackTheRows) {
  for (const uint64_t num_rows : {1, 10, 20'000}) {
    const TempFolder folder;
    TableSpool spool(folder.path(), Columns());
    AppendRows(num_rows, spool);
    ExpectRows(spool, num_rows, 1000, 1 << 20);
    const auto written = spool.WriteFile(folder.File("t.h5"), {}, {});
    ASSERT_TRUE(written.ok()) << written.error().message;
    EXPECT_EQ(folder.Names(), std::vector<std::string>{"t.h5"});
    const auto table = TableFile::Open(folder.File("t.h5"), Columns());
    ASSERT_TRUE(table.ok()) << table.error().message;
    ExpectRows(*table.value(), num_rows, 1000, 1 << 20);
    ExpectRows(*table.value(), num_rows, SIZE_MAX, SIZE_MAX);
    ExpectRows(*table.value(), num_rows, 7, 1);
  }
}

TEST(TableTest, RowsMayBeReadWhileTheTableGrows) {
  const TempFolder folder;
  TableSpool spool(folder.path(), Columns());
  AppendRows(3000, spool);
  ExpectRows(spool, 3000, 500, 1 << 16);
  const Row row = MakeRow(3000);
  spool.AddNumber(0, row.line);
  spool.AddText(1, row.text);
  spool.AddNumber(2, row.shard);
  spool.AddText(3, row.audio);
  spool.AddNumber(4, row.flag);
  ASSERT_TRUE(spool.EndRow().ok());
  ExpectRows(spool, 3001, 500, 1 << 16);
}

TEST(TableTest, ABlockHoldsAboutAsManyBytesAsAsked) {
  const TempFolder folder;
  TableSpool spool(folder.path(), {{"t", ColumnType::kText}});
  for (const size_t size : {100, 100, 100, 5000, 100}) {
    spool.AddText(0, std::string(size, 'x'));
    ASSERT_TRUE(spool.EndRow().ok());
  }
  const auto num_read = [&spool](uint64_t first, size_t max_bytes) {
    return spool.Read(first, 100, max_bytes).value().num_rows();
  };
  EXPECT_EQ(num_read(0, 300), 2u);  // each row's offset takes 8 more bytes
  EXPECT_EQ(num_read(0, 324), 3u);
  EXPECT_EQ(num_read(0, 1000), 3u);
  EXPECT_EQ(num_read(3, 1000), 1u);  // at least one
  EXPECT_EQ(num_read(0, 10'000), 5u);
}

TEST(TableTest, AnEmptyTableIsATable) {
  const TempFolder folder;
  TableSpool spool(folder.path(), Columns());
  ASSERT_TRUE(spool.WriteFile(folder.File("t.h5"), {}, {}).ok());
  const auto table = TableFile::Open(folder.File("t.h5"), Columns());
  ASSERT_TRUE(table.ok()) << table.error().message;
  EXPECT_EQ(table.value()->num_rows(), 0u);
}

TEST(TableTest, KeepsAttributesAndExtraDatasets) {
  const TempFolder folder;
  TableSpool spool(folder.path(), Columns());
  AppendRows(5, spool);
  const std::vector<uint32_t> extra = {1, 2, 3};
  ASSERT_TRUE(spool
                  .WriteFile(folder.File("t.h5"), {{"kind", "rows"}},
                             {{{"extra", ElementType::kU32, {3}},
                               std::as_bytes(std::span(extra))}})
                  .ok());
  const auto table = TableFile::Open(folder.File("t.h5"), Columns());
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(*table.value()->contents().FindAttribute("kind"), "rows");
  const DatasetPlace* place = table.value()->contents().FindDataset("extra");
  ASSERT_NE(place, nullptr);
  const std::string bytes = ReadWholeFile(folder.File("t.h5"));
  EXPECT_EQ(std::memcmp(bytes.data() + place->offset, extra.data(), 12), 0);
}

TEST(TableTest, TheSameRowsGiveTheSameBytes) {
  const TempFolder folder;
  for (const char* name : {"a", "b"}) {
    TableSpool spool(folder.path(), Columns());
    AppendRows(3000, spool);
    ASSERT_TRUE(spool.WriteFile(folder.File(name), {{"x", "y"}}, {}).ok());
  }
  EXPECT_EQ(ReadWholeFile(folder.File("a")), ReadWholeFile(folder.File("b")));
}

TEST(TableTest, OtherColumnsAreRejected) {
  const TempFolder folder;
  TableSpool spool(folder.path(), Columns());
  AppendRows(5, spool);
  ASSERT_TRUE(spool.WriteFile(folder.File("t.h5"), {}, {}).ok());
  for (const ColumnSpec& column : {ColumnSpec{"none", ColumnType::kU64},
                                   ColumnSpec{"line", ColumnType::kU32},
                                   ColumnSpec{"line", ColumnType::kText}}) {
    const auto table = TableFile::Open(folder.File("t.h5"), {column});
    ASSERT_FALSE(table.ok()) << column.name;
    EXPECT_EQ(table.error().code, ErrorCode::kDamaged);
  }
  const auto missing = TableFile::Open(folder.File("none"), Columns());
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, RejectCode::kNotFound);
}

TEST(TableTest, ColumnsOfDifferentLengthsAreRejected) {
  const TempFolder folder;
  ASSERT_TRUE(CreateH5File(folder.File("t.h5"),
                           {{"a", ElementType::kU64, {3}},
                            {"b", ElementType::kU64, {4}},
                            {"t_bytes", ElementType::kU8, {9}},
                            {"t_offsets", ElementType::kU64, {4}},
                            {"u_bytes", ElementType::kU8, {0}},
                            {"u_offsets", ElementType::kU64, {0}}},
                           {})
                  .ok());
  const ColumnSpec a = {"a", ColumnType::kU64}, b = {"b", ColumnType::kU64},
                   t = {"t", ColumnType::kText}, u = {"u", ColumnType::kText};
  EXPECT_TRUE(TableFile::Open(folder.File("t.h5"), {a, t}).ok());
  EXPECT_FALSE(TableFile::Open(folder.File("t.h5"), {a, b}).ok());
  EXPECT_FALSE(TableFile::Open(folder.File("t.h5"), {t, b}).ok());
  EXPECT_FALSE(TableFile::Open(folder.File("t.h5"), {u}).ok());
}

TEST(TableTest, DamagedTextOffsetsAreAnErrorNotACrash) {
  const TempFolder folder;
  TableSpool spool(folder.path(), Columns());
  AppendRows(5, spool);
  ASSERT_TRUE(spool.WriteFile(folder.File("t.h5"), {}, {}).ok());
  const std::string sound = ReadWholeFile(folder.File("t.h5"));
  const auto contents = ReadH5Contents(folder.File("t.h5"));
  const uint64_t offsets =
      contents.value().FindDataset("audio_offsets")->offset;
  for (const size_t index : {0, 1, 3, 5}) {
    for (const uint64_t value :
         {UINT64_MAX, uint64_t{1} << 40, uint64_t{900}}) {
      std::string damaged = sound;
      std::memcpy(damaged.data() + offsets + 8 * index, &value, 8);
      WriteWholeFile(folder.File("t.h5"), damaged);
      const auto table = TableFile::Open(folder.File("t.h5"), Columns());
      ASSERT_TRUE(table.ok());
      const auto block = table.value()->Read(0, 100, 1 << 20);
      ASSERT_FALSE(block.ok()) << index << " " << value;
      EXPECT_EQ(block.error().code, ErrorCode::kDamaged);
    }
  }
}

TEST(TableTest, AFullDiskIsAFaultAndLeavesNothing) {
  const TempFolder folder;
  EXPECT_EQ(RunWithFileSizeLimit(
                1 << 17,
                [&folder] {
                  TableSpool spool(folder.path(), {{"n", ColumnType::kU64}});
                  for (uint64_t i = 0; i < 100'000; ++i) {
                    spool.AddNumber(0, i);
                    if (const auto ended = spool.EndRow(); !ended.ok()) {
                      return ended.error().detail == EFBIG ? 0 : 2;
                    }
                  }
                  return 3;
                }),
            0);
  EXPECT_EQ(RunWithFileSizeLimit(
                20'000,
                [&folder] {
                  TableSpool spool(folder.path(), {{"n", ColumnType::kU64}});
                  for (uint64_t i = 0; i < 5000; ++i) {
                    spool.AddNumber(0, i);
                    if (!spool.EndRow().ok()) return 1;
                  }
                  const auto written =
                      spool.WriteFile(folder.File("t.h5"), {}, {});
                  if (written.ok()) return 2;
                  return folder.Names().empty() ? 0 : 3;
                }),
            0);
  EXPECT_TRUE(folder.Names().empty());
}

TEST(TableTest, AMissingFolderIsAFault) {
  const TempFolder folder;
  TableSpool spool(folder.File("none"), {{"n", ColumnType::kU64}});
  Result<void> ended;
  for (uint64_t i = 0; i < 100'000 && ended.ok(); ++i) {
    spool.AddNumber(0, i);
    ended = spool.EndRow();
  }
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code, ErrorCode::kMachineFault);
  EXPECT_EQ(ended.error().detail, ENOENT);
}

}  // namespace
}  // namespace melmill
