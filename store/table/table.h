#ifndef MELMILL_STORE_TABLE_TABLE_H_
#define MELMILL_STORE_TABLE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file/name_change.h"
#include "io/result.h"
#include "store/hdf5/h5_file.h"

namespace melmill {

// Tables of rows with named columns, in HDF5 files of contiguous datasets. A
// number column is one dataset [rows]. A text column NAME is two datasets:
// NAME_bytes uint8 [all bytes] and NAME_offsets uint64 [rows + 1]; row r is
// bytes[offsets[r]:offsets[r + 1]]. Tables are written and read in pieces, so
// memory does not grow with the number of rows.

enum class ColumnType { kU8, kU32, kU64, kText };

struct ColumnSpec {
  std::string name;
  ColumnType type = ColumnType::kU64;
};

// A block of consecutive rows in memory. Columns are numbered as in the table's
// specs; `row` counts from first_row().
class TableBlock {
 public:
  uint64_t first_row() const { return first_row_; }
  size_t num_rows() const { return num_rows_; }
  size_t num_columns() const { return columns_.size(); }

  // The value of a number column of any width.
  uint64_t Number(size_t column, size_t row) const;
  std::string_view Text(size_t column, size_t row) const;

 private:
  friend class TableReader;
  struct Column {
    ColumnType type = ColumnType::kU64;
    std::vector<std::byte> bytes;
    std::vector<uint64_t> offsets;  // for text; relative to `bytes`
  };
  uint64_t first_row_ = 0;
  size_t num_rows_ = 0;
  std::vector<Column> columns_;
};

// The common base of a spool and a file.
class TableReader {
 public:
  virtual ~TableReader() = default;

  const std::vector<ColumnSpec>& columns() const { return columns_; }
  uint64_t num_rows() const { return num_rows_; }

  // Reads rows from `first_row` on: at least one, at most max_rows, and no more
  // than fit into about max_bytes. first_row must be below num_rows, max_rows
  // above 0. Errors: kMachineFault; kDamaged for text offsets that are not in
  // order. Thread-safe as long as nobody appends.
  Result<TableBlock> Read(uint64_t first_row, size_t max_rows,
                          size_t max_bytes) const;

  struct ExtraDataset {
    DatasetSpec spec;
    std::span<const std::byte> bytes;
  };

  // Writes the table durably as the HDF5 file `path`. `extras` are datasets in
  // addition to the columns. The same rows give the same bytes.
  // DurableFile::Commit explains `replaced`. `left_out` names columns that the
  // file does not get. Error: kMachineFault.
  Result<void> WriteFile(const std::string& path,
                         const std::vector<AttributeSpec>& attributes,
                         const std::vector<ExtraDataset>& extras,
                         const std::optional<FileIdentity>& replaced = {},
                         const std::vector<std::string>& left_out = {}) const;

 protected:
  // Reads the bytes of a stream, which is one dataset; a text column has two.
  // Streams are numbered in the order of the columns, bytes before offsets.
  virtual Result<void> ReadStream(size_t stream, uint64_t offset,
                                  std::span<std::byte> bytes) const = 0;
  virtual uint64_t StreamBytes(size_t stream) const = 0;

  std::vector<ColumnSpec> columns_;
  uint64_t num_rows_ = 0;

 private:
  Result<size_t> CountRowsThatFit(uint64_t first_row, size_t num_rows,
                                  size_t max_bytes, TableBlock& block) const;
};

enum class Visiting { kGoOn, kEnough };

// Calls visit(const TableBlock&, index) for the rows [first, end) of a table in
// order, reading them in pieces; `index` counts from the block's first row.
// Ends when visit returns kEnough or an error, and when reading fails.
template <typename Visit>
Result<void> VisitRows(const TableReader& table, uint64_t first, uint64_t end,
                       Visit visit) {
  constexpr size_t kMaxRows = 4096;
  constexpr size_t kMaxBytes = size_t{4} << 20;
  while (first < end) {
    const size_t max_rows =
        end - first < kMaxRows ? static_cast<size_t>(end - first) : kMaxRows;
    const Result<TableBlock> block = table.Read(first, max_rows, kMaxBytes);
    if (!block.ok()) return block.error();
    const size_t num_rows = block.value().num_rows();
    for (size_t i = 0; i < num_rows; ++i) {
      const Result<Visiting> visited = visit(block.value(), i);
      if (!visited.ok()) return visited.error();
      if (visited.value() == Visiting::kEnough) return {};
    }
    first += num_rows;
  }
  return {};
}

}  // namespace melmill

#endif  // MELMILL_STORE_TABLE_TABLE_H_
