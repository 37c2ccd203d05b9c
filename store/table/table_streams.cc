#include "store/table/table_streams.h"

#include <cassert>

namespace melmill {

size_t ValueBytes(ColumnType type) {
  switch (type) {
    case ColumnType::kU8:
      return 1;
    case ColumnType::kU32:
      return 4;
    case ColumnType::kU64:
      return 8;
    case ColumnType::kText:
      return kOffsetBytes;
  }
  assert(false);
  return 0;
}

std::vector<StreamSpec> MakeStreams(const std::vector<ColumnSpec>& columns) {
  std::vector<StreamSpec> streams;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string& name = columns[i].name;
    switch (columns[i].type) {
      case ColumnType::kU8:
        streams.push_back({i, name, ElementType::kU8});
        break;
      case ColumnType::kU32:
        streams.push_back({i, name, ElementType::kU32});
        break;
      case ColumnType::kU64:
        streams.push_back({i, name, ElementType::kU64});
        break;
      case ColumnType::kText:
        streams.push_back({i, name + "_bytes", ElementType::kU8, false, true});
        streams.push_back(
            {i, name + "_offsets", ElementType::kU64, true, false});
        break;
    }
  }
  return streams;
}

std::vector<size_t> FirstStreams(const std::vector<ColumnSpec>& columns) {
  std::vector<size_t> first;
  size_t next = 0;
  for (const ColumnSpec& column : columns) {
    first.push_back(next);
    next += column.type == ColumnType::kText ? 2 : 1;
  }
  return first;
}

}  // namespace melmill
