#ifndef MELMILL_STORE_TABLE_TABLE_STREAMS_H_
#define MELMILL_STORE_TABLE_TABLE_STREAMS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "store/hdf5/h5_file.h"
#include "store/table/table.h"

namespace melmill {

// How a table's columns map to the datasets of its file. Only the .cc files of
// tables may include this.

inline constexpr size_t kOffsetBytes = sizeof(uint64_t);

// The bytes of one value, or for text of its offset.
size_t ValueBytes(ColumnType type);

// The streams of a table are the datasets of its file.
struct StreamSpec {
  size_t column = 0;
  std::string name;
  ElementType type = ElementType::kU8;
  bool is_text_offsets = false;
  bool is_text_bytes = false;  // the only stream not of the table's length
};

std::vector<StreamSpec> MakeStreams(const std::vector<ColumnSpec>& columns);

// The first stream of each column.
std::vector<size_t> FirstStreams(const std::vector<ColumnSpec>& columns);

}  // namespace melmill

#endif  // MELMILL_STORE_TABLE_TABLE_STREAMS_H_
