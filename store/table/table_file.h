#ifndef MELMILL_STORE_TABLE_TABLE_FILE_H_
#define MELMILL_STORE_TABLE_TABLE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/result.h"
#include "store/hdf5/h5_contents.h"
#include "store/table/table.h"

namespace melmill {

// A table in an HDF5 file, open for reading.
class TableFile : public TableReader {
 public:
  // Errors: kNotFound; kMachineFault; kDamaged if the file does not have these
  // columns, all of one length.
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

#endif  // MELMILL_STORE_TABLE_TABLE_FILE_H_
