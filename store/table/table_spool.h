#ifndef MELMILL_STORE_TABLE_TABLE_SPOOL_H_
#define MELMILL_STORE_TABLE_TABLE_SPOOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"
#include "store/table/table.h"

namespace melmill {

// A table under construction. Rows are appended to a temporary file without a
// name (small tables stay in memory), and can be read back at any time.
class TableSpool : public TableReader {
 public:
  // `folder` is where the temporary file goes. The file is not created before
  // it is needed.
  TableSpool(std::string folder, std::vector<ColumnSpec> columns);
  ~TableSpool() override;

  // Each row needs one value for each column, in any order, then EndRow. A
  // number must fit its column.
  void AddNumber(size_t column, uint64_t value);
  void AddText(size_t column, std::string_view text);
  // Ends the row. Returns the first error of any Add so far: kMachineFault.
  Result<void> EndRow();

 private:
  Result<void> ReadStream(size_t stream, uint64_t offset,
                          std::span<std::byte> bytes) const override;
  uint64_t StreamBytes(size_t stream) const override;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace melmill

#endif  // MELMILL_STORE_TABLE_TABLE_SPOOL_H_
