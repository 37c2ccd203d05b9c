#include "store/table/table_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "io/file/system_calls.h"
#include "store/table/table_streams.h"

namespace melmill {

Result<std::unique_ptr<TableFile>> TableFile::Open(
    const std::string& path, std::vector<ColumnSpec> columns) {
  assert(!columns.empty());
  auto contents = ReadH5Contents(path);
  if (!contents.ok()) return contents.error();
  std::unique_ptr<TableFile> table(new TableFile());
  table->path_ = path;
  table->contents_ = std::move(contents).value();
  table->columns_ = std::move(columns);
  bool has_rows = false;
  for (const StreamSpec& stream : MakeStreams(table->columns_)) {
    const DatasetPlace* place = table->contents_.FindDataset(stream.name);
    if (place == nullptr || place->spec.type != stream.type ||
        place->spec.dims.size() != 1) {
      return Error{ErrorCode::kDamaged, "no column " + stream.name};
    }
    table->streams_.push_back(place);
    if (stream.is_text_bytes) continue;
    const uint64_t length = place->spec.dims[0];
    const uint64_t extra = stream.is_text_offsets ? 1 : 0;
    if (length < extra || (has_rows && length - extra != table->num_rows_)) {
      return Error{ErrorCode::kDamaged,
                   "column " + stream.name + " has another length"};
    }
    table->num_rows_ = length - extra;
    has_rows = true;
  }
  table->fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (table->fd_ < 0) return StoreReadError(errno);
  return table;
}

TableFile::~TableFile() {
  if (fd_ >= 0) ::close(fd_);
}

uint64_t TableFile::StreamBytes(size_t stream) const {
  return streams_[stream]->spec.num_bytes();
}

Result<void> TableFile::ReadStream(size_t stream, uint64_t offset,
                                   std::span<std::byte> bytes) const {
  assert(offset + bytes.size() <= StreamBytes(stream));
  const int error = ReadExactly(fd_, streams_[stream]->offset + offset, bytes);
  if (error == 0) return {};
  return MachineFault("read " + path_, error == kEndOfFile ? EIO : error);
}

}  // namespace melmill
