#ifndef MELMILL_STORE_TABLE_TABLE_H_
#define MELMILL_STORE_TABLE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file/name_change.h"
#include "io/result.h"
#include "store/hdf5/h5_contents.h"
#include "store/hdf5/h5_file.h"

namespace melmill {

// Tables of rows with named columns, in HDF5 files of contiguous datasets. A
// number column is one dataset [rows]; a text column NAME is two: NAME_bytes
// uint8 [all bytes] and NAME_offsets uint64 [rows + 1], row r being
// bytes[offsets[r]:offsets[r + 1]]. Tables are written and read in pieces:
// memory does not follow the number of rows.

enum class ColumnType { kU8, kU32, kU64, kText };

struct ColumnSpec {
  std::string name;
  ColumnType type = ColumnType::kU64;
};

// Some consecutive rows in memory. Columns are numbered as in the table's
// specs; `row` counts from first_row().
class TableBlock {
 public:
  uint64_t first_row() const { return first_row_; }
  size_t num_rows() const { return num_rows_; }

  // The value of a number column of any width.
  uint64_t Number(size_t column, size_t row) const;
  std::string_view Text(size_t column, size_t row) const;

 private:
  friend class TableReader;
  struct Column {
    ColumnType type = ColumnType::kU64;
    std::vector<std::byte> bytes;
    std::vector<uint64_t> offsets;  // of text, relative to bytes
  };
  uint64_t first_row_ = 0;
  size_t num_rows_ = 0;
  std::vector<Column> columns_;
};

// What a spool and a file have in common.
class TableReader {
 public:
  virtual ~TableReader() = default;

  const std::vector<ColumnSpec>& columns() const { return columns_; }
  uint64_t num_rows() const { return num_rows_; }

  // Rows from `first_row` on: at least one, at most max_rows, and no more
  // than fit into about max_bytes. first_row < num_rows, max_rows > 0.
  // Errors: kMachineFault; kBadHeader for text offsets that are not in order.
  // Thread-safe as long as nobody appends.
  Result<TableBlock> Read(uint64_t first_row, size_t max_rows,
                          size_t max_bytes) const;

  struct ExtraDataset {
    DatasetSpec spec;
    std::span<const std::byte> bytes;
  };

  // Writes the table as the HDF5 file `path`, durably. `extras` are datasets in
  // addition to the columns. The same rows give the same bytes. `replaced`: see
  // DurableFile::Commit. Errors: kMachineFault.
  Result<void> WriteFile(
      const std::string& path, const std::vector<AttributeSpec>& attributes,
      const std::vector<ExtraDataset>& extras,
      const std::optional<FileIdentity>& replaced = {}) const;

 protected:
  // One dataset's bytes; a text column has two streams. Stream numbers count
  // through the columns in order, bytes before offsets.
  virtual Result<void> ReadStream(size_t stream, uint64_t offset,
                                  std::span<std::byte> bytes) const = 0;
  virtual uint64_t StreamBytes(size_t stream) const = 0;

  std::vector<ColumnSpec> columns_;
  uint64_t num_rows_ = 0;

 private:
  Result<size_t> CountRowsThatFit(uint64_t first_row, size_t num_rows,
                                  size_t max_bytes, TableBlock& block) const;
};

// A table in the making: rows are appended to a temporary file without a name
// (small tables stay in memory), and may be read back at any time.
class TableSpool : public TableReader {
 public:
  // `folder`: where the temporary file may lie. Nothing is made before it is
  // needed.
  TableSpool(std::string folder, std::vector<ColumnSpec> columns);
  ~TableSpool() override;

  // One value for each column in any order, then EndRow. A number must fit
  // its column.
  void AddNumber(size_t column, uint64_t value);
  void AddText(size_t column, std::string_view text);
  // Errors: kMachineFault (of any Add since the last EndRow).
  Result<void> EndRow();

 private:
  Result<void> ReadStream(size_t stream, uint64_t offset,
                          std::span<std::byte> bytes) const override;
  uint64_t StreamBytes(size_t stream) const override;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// A table file.
class TableFile : public TableReader {
 public:
  // Errors: kNotFound; kMachineFault; kBadHeader if the file does not hold
  // these columns, all of one length.
  static Result<std::unique_ptr<TableFile>> Open(
      const std::string& path, std::vector<ColumnSpec> columns);
  ~TableFile() override;

  const H5Contents& contents() const { return contents_; }

 private:
  TableFile() = default;
  Result<void> ReadStream(size_t stream, uint64_t offset,
                          std::span<std::byte> bytes) const override;
  uint64_t StreamBytes(size_t stream) const override;
  std::string path_;
  H5Contents contents_;
  std::vector<const DatasetPlace*> streams_;  // in contents_
  int fd_ = -1;
};

}  // namespace melmill

#endif  // MELMILL_STORE_TABLE_TABLE_H_
