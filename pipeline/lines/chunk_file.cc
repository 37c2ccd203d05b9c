#include "pipeline/lines/chunk_file.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "io/file/durable_file.h"
#include "io/hash.h"
#include "io/reject_code.h"
#include "pipeline/folder/machine.h"
#include "pipeline/lines/packed_line.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

constexpr char kChunkFormat[] = "melmill chunk 1";

enum Column : size_t { kBytesHash, kChecksum, kLine };

std::vector<ColumnSpec> Columns() {
  return {{"bytes_hash", ColumnType::kU64},
          {"checksum", ColumnType::kU64},
          {"line", ColumnType::kText}};
}

std::string MachineText() {
  const Machine machine = ThisMachine();
  return machine.host + '/' + machine.boot_id;
}

bool IsLasting(RejectCode code) {
  return code != RejectCode::kIoError && RejectStageName(code) != "open";
}

// Unpacks a row of the block, if it is of these bytes.
bool RestoreLine(const TableBlock& block, size_t row, uint64_t bytes_hash,
                 PlannedLine* planned) {
  if (block.Number(kBytesHash, row) != bytes_hash) return false;
  const std::string_view packed = block.Text(kLine, row);
  if (Xxh3_64(packed) != block.Number(kChecksum, row)) return false;
  PlannedLine restored;
  if (!UnpackLine(packed, &restored) || !IsLasting(restored.row.code)) {
    return false;
  }
  restored.row.split = planned->row.split;
  restored.row.line = planned->row.line;
  *planned = std::move(restored);
  return true;
}

}  // namespace

ChunkWriter::ChunkWriter(const std::string& spool_folder)
    : spool_(spool_folder, Columns()) {}

Result<void> ChunkWriter::Add(uint64_t bytes_hash, const PlannedLine& planned) {
  const std::string packed = PackLine(planned);
  spool_.AddNumber(kBytesHash, bytes_hash);
  spool_.AddNumber(kChecksum, Xxh3_64(packed));
  spool_.AddText(kLine, packed);
  return spool_.EndRow();
}

Result<void> ChunkWriter::AddFirstLines(const ChunkFile& file,
                                        uint64_t num_lines) {
  return VisitRows(
      *file.table_, 0, num_lines,
      [this](const TableBlock& block, size_t row) -> Result<Visiting> {
        spool_.AddNumber(kBytesHash, block.Number(kBytesHash, row));
        spool_.AddNumber(kChecksum, block.Number(kChecksum, row));
        spool_.AddText(kLine, block.Text(kLine, row));
        const Result<void> ended = spool_.EndRow();
        if (!ended.ok()) return ended.error();
        return Visiting::kGoOn;
      });
}

Result<void> ChunkWriter::Commit(const std::string& path) const {
  Result<void> done = RemoveFile(path);
  if (!done.ok()) return done;
  done = spool_.WriteFile(
      path, {{"format", kChunkFormat}, {"machine", MachineText()}}, {});
  // Another process that wrote it has seen the same lines.
  return FileExists(path) ? Result<void>() : done;
}

std::unique_ptr<ChunkFile> ChunkFile::Open(const std::string& path) {
  Result<std::unique_ptr<TableFile>> table = TableFile::Open(path, Columns());
  if (!table.ok()) return nullptr;
  std::unique_ptr<ChunkFile> chunk(new ChunkFile(std::move(table).value()));
  const H5Contents& contents = chunk->table_->contents();
  const std::string* const format = contents.FindAttribute("format");
  const std::string* const machine = contents.FindAttribute("machine");
  if (format == nullptr || *format != kChunkFormat || machine == nullptr) {
    return nullptr;
  }
  chunk->is_own_ = *machine == MachineText();
  return chunk;
}

std::vector<bool> ChunkFile::Restore(uint64_t first,
                                     const std::vector<uint64_t>& bytes_hashes,
                                     std::vector<PlannedLine>* lines) const {
  constexpr size_t kMaxBytes = size_t{1} << 20;
  std::vector<bool> is_known(lines->size(), false);
  size_t i = 0;
  while (i < lines->size() && first + i < table_->num_rows()) {
    const Result<TableBlock> block =
        table_->Read(first + i, lines->size() - i, kMaxBytes);
    if (!block.ok()) break;
    for (size_t row = 0; row < block.value().num_rows(); ++row, ++i) {
      is_known[i] =
          RestoreLine(block.value(), row, bytes_hashes[i], &(*lines)[i]);
    }
  }
  return is_known;
}

}  // namespace melmill
