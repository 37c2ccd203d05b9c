#include "store/table/table.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <utility>

#include "io/file/durable_file.h"
#include "store/table/table_streams.h"

namespace melmill {
namespace {

static_assert(std::endian::native == std::endian::little,
              "columns are written as they lie in memory");

constexpr size_t kBlockBytes = size_t{1} << 16;

}  // namespace

uint64_t TableBlock::Number(size_t column, size_t row) const {
  assert(column < columns_.size() && row < num_rows_);
  const Column& values = columns_[column];
  assert(values.type != ColumnType::kText);
  const size_t value_bytes = ValueBytes(values.type);
  uint64_t value = 0;
  std::memcpy(&value, values.bytes.data() + row * value_bytes, value_bytes);
  return value;
}

std::string_view TableBlock::Text(size_t column, size_t row) const {
  assert(column < columns_.size() && row < num_rows_);
  const Column& values = columns_[column];
  assert(values.type == ColumnType::kText);
  const char* text = reinterpret_cast<const char*>(values.bytes.data());
  return {text + values.offsets[row],
          static_cast<size_t>(values.offsets[row + 1] - values.offsets[row])};
}

// Reads the text offsets of num_rows rows into `block` and checks them. Returns
// how many of the rows fit into max_bytes.
Result<size_t> TableReader::CountRowsThatFit(uint64_t first_row,
                                             size_t num_rows, size_t max_bytes,
                                             TableBlock& block) const {
  const std::vector<size_t> streams = FirstStreams(columns_);
  std::vector<uint64_t> row_bytes(num_rows, 0);
  for (size_t c = 0; c < columns_.size(); ++c) {
    const size_t value_bytes = ValueBytes(columns_[c].type);
    for (uint64_t& bytes : row_bytes) bytes += value_bytes;
    if (columns_[c].type != ColumnType::kText) continue;
    std::vector<uint64_t>& offsets = block.columns_[c].offsets;
    offsets.resize(num_rows + 1);
    const auto read = ReadStream(streams[c] + 1, first_row * kOffsetBytes,
                                 std::as_writable_bytes(std::span(offsets)));
    if (!read.ok()) return read.error();
    if (!std::is_sorted(offsets.begin(), offsets.end()) ||
        offsets.back() > StreamBytes(streams[c])) {
      return Error{ErrorCode::kDamaged,
                   "column " + columns_[c].name + ": damaged text offsets"};
    }
    for (size_t r = 0; r < num_rows; ++r) {
      row_bytes[r] += offsets[r + 1] - offsets[r];
    }
  }
  uint64_t num_bytes = row_bytes[0];
  size_t num_fitting = 1;
  while (num_fitting < num_rows && num_bytes < max_bytes &&
         row_bytes[num_fitting] <= max_bytes - num_bytes) {
    num_bytes += row_bytes[num_fitting++];
  }
  return num_fitting;
}

Result<TableBlock> TableReader::Read(uint64_t first_row, size_t max_rows,
                                     size_t max_bytes) const {
  assert(first_row < num_rows_ && max_rows > 0);
  size_t fixed_row_bytes = 0;
  for (const ColumnSpec& column : columns_) {
    fixed_row_bytes += ValueBytes(column.type);
  }
  TableBlock block;
  block.first_row_ = first_row;
  block.columns_.resize(columns_.size());
  const size_t most_rows =
      std::min(max_rows, std::max<size_t>(max_bytes / fixed_row_bytes, 1));
  const auto num_rows = CountRowsThatFit(
      first_row,
      static_cast<size_t>(std::min<uint64_t>(most_rows, num_rows_ - first_row)),
      max_bytes, block);
  if (!num_rows.ok()) return num_rows.error();
  block.num_rows_ = num_rows.value();

  const std::vector<size_t> streams = FirstStreams(columns_);
  for (size_t c = 0; c < columns_.size(); ++c) {
    TableBlock::Column& column = block.columns_[c];
    column.type = columns_[c].type;
    const size_t value_bytes = ValueBytes(column.type);
    uint64_t offset = first_row * value_bytes;
    size_t num_bytes = block.num_rows_ * value_bytes;
    if (column.type == ColumnType::kText) {
      column.offsets.resize(block.num_rows_ + 1);
      offset = column.offsets.front();
      num_bytes = static_cast<size_t>(column.offsets.back() - offset);
      for (uint64_t& text_offset : column.offsets) text_offset -= offset;
    }
    column.bytes.resize(num_bytes);
    const auto read = ReadStream(streams[c], offset, column.bytes);
    if (!read.ok()) return read.error();
  }
  return block;
}

Result<void> TableReader::WriteFile(
    const std::string& path, const std::vector<AttributeSpec>& attributes,
    const std::vector<ExtraDataset>& extras,
    const std::optional<FileIdentity>& replaced,
    const std::vector<std::string>& left_out) const {
  std::vector<DatasetSpec> datasets;
  const std::vector<StreamSpec> all = MakeStreams(columns_);
  std::vector<size_t> streams;  // those that the file gets
  for (size_t s = 0; s < all.size(); ++s) {
    if (std::ranges::count(left_out, columns_[all[s].column].name) > 0) {
      continue;
    }
    streams.push_back(s);
    datasets.push_back({all[s].name,
                        all[s].type,
                        {StreamBytes(s) / ElementSize(all[s].type)}});
  }
  for (const ExtraDataset& extra : extras) {
    assert(extra.bytes.size() == extra.spec.num_bytes());
    datasets.push_back(extra.spec);
  }
  auto created = CreateDurableH5File(path, datasets, attributes);
  if (!created.ok()) return created.error();
  DurableFile& file = created.value().file;
  const std::vector<uint64_t>& offsets = created.value().offsets;

  std::vector<std::byte> block(kBlockBytes);
  for (size_t i = 0; i < streams.size(); ++i) {
    const uint64_t num_bytes = StreamBytes(streams[i]);
    for (uint64_t at = 0; at < num_bytes; at += kBlockBytes) {
      const auto piece = std::span(block).first(
          static_cast<size_t>(std::min<uint64_t>(kBlockBytes, num_bytes - at)));
      auto copied = ReadStream(streams[i], at, piece);
      if (copied.ok()) copied = file.WriteAt(offsets[i] + at, piece);
      if (!copied.ok()) return copied.error();
    }
  }
  for (size_t e = 0; e < extras.size(); ++e) {
    const auto written =
        file.WriteAt(offsets[streams.size() + e], extras[e].bytes);
    if (!written.ok()) return written.error();
  }
  return file.Commit(replaced);
}

}  // namespace melmill
