#include "pipeline/plan/planned_files.h"

namespace melmill {
namespace {

enum Column : size_t { kChanged, kModified, kInode, kFlags, kBytes };

std::vector<ColumnSpec> Columns() {
  return {{"changed_ns", ColumnType::kU64},
          {"modified_ns", ColumnType::kU64},
          {"inode", ColumnType::kU64},
          {"flags", ColumnType::kU8},
          {"file_bytes", ColumnType::kU64}};
}

}  // namespace

PlannedFiles::PlannedFiles(const std::string& spool_folder)
    : spool_(spool_folder, Columns()) {}

Result<void> PlannedFiles::Add(const PlannedFile& file) {
  spool_.AddNumber(kChanged, file.facts.changed_ns);
  spool_.AddNumber(kModified, file.facts.modified_ns);
  spool_.AddNumber(kInode, file.facts.inode);
  spool_.AddNumber(kFlags, file.facts.flags);
  spool_.AddNumber(kBytes, file.num_bytes);
  return spool_.EndRow();
}

Result<std::vector<PlannedFile>> PlannedFiles::Read(uint64_t first,
                                                    size_t count) const {
  constexpr size_t kMaxBytes = size_t{1} << 20;
  std::vector<PlannedFile> files;
  files.reserve(count);
  while (files.size() < count) {
    const Result<TableBlock> block =
        spool_.Read(first + files.size(), count - files.size(), kMaxBytes);
    if (!block.ok()) return block.error();
    const auto number = [&](Column column, size_t row) {
      return block.value().Number(column, row);
    };
    for (size_t row = 0; row < block.value().num_rows(); ++row) {
      files.push_back({.facts = {.changed_ns = number(kChanged, row),
                                 .modified_ns = number(kModified, row),
                                 .inode = number(kInode, row),
                                 .flags = number(kFlags, row)},
                       .num_bytes = number(kBytes, row)});
    }
  }
  return files;
}

}  // namespace melmill
