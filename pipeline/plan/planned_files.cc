#include "pipeline/plan/planned_files.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace melmill {
namespace {

enum Column : size_t { kChanged, kModified, kInode, kFlags, kIdentity, kBytes };

std::vector<ColumnSpec> Columns() {
  return {{"changed_ns", ColumnType::kU64}, {"modified_ns", ColumnType::kU64},
          {"inode", ColumnType::kU64},      {"flags", ColumnType::kU8},
          {"identity", ColumnType::kU64},   {"file_bytes", ColumnType::kU64}};
}

}  // namespace

PlannedFiles::PlannedFiles(const std::string& spool_folder)
    : spool_(spool_folder, Columns()) {}

Result<void> PlannedFiles::Add(const PlannedFile& file) {
  spool_.AddNumber(kChanged, file.facts.changed_ns);
  spool_.AddNumber(kModified, file.facts.modified_ns);
  spool_.AddNumber(kInode, file.facts.inode);
  spool_.AddNumber(kFlags, file.facts.flags);
  spool_.AddNumber(kIdentity, file.identity);
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
                       .identity = number(kIdentity, row),
                       .num_bytes = number(kBytes, row)});
    }
  }
  return files;
}

Result<PlannedFile> PlannedFileReader::Next() {
  constexpr uint64_t kPiece = 4096;
  if (at_ == piece_.size()) {
    const uint64_t count = std::min(kPiece, num_left_);
    assert(count > 0);
    Result<std::vector<PlannedFile>> piece =
        files_.Read(num_read_, static_cast<size_t>(count));
    if (!piece.ok()) return piece.error();
    piece_ = std::move(piece).value();
    at_ = 0;
    num_read_ += count;
    num_left_ -= count;
  }
  return piece_[at_++];
}

}  // namespace melmill
