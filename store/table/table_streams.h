#ifndef MELMILL_STORE_TABLE_TABLE_STREAMS_H_
#define MELMILL_STORE_TABLE_TABLE_STREAMS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "store/hdf5/h5_file.h"
#include "store/table/table.h"

namespace melmill {

// The datasets that a table's columns are in its file. For the .cc files of
// tables only.

inline constexpr size_t kOffsetBytes = sizeof(uint64_t);

// Bytes of one value; for text, of its offset.
size_t ValueBytes(ColumnType type);

// What the streams of a table are: the datasets of its file.
struct StreamSpec {
  size_t column = 0;
  std::string name;
  ElementType type = ElementType::kU8;
  bool is_text_offsets = false;
  bool is_text_bytes = false;  // the only one whose length is not its rows'
};

std::vector<StreamSpec> MakeStreams(const std::vector<ColumnSpec>& columns);

// The first stream of each column.
std::vector<size_t> FirstStreams(const std::vector<ColumnSpec>& columns);

}  // namespace melmill

#endif  // MELMILL_STORE_TABLE_TABLE_STREAMS_H_
