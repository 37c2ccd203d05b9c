#include "store/table/table_spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/file/system_calls.h"
#include "store/table/table_streams.h"

namespace melmill {
namespace {

constexpr size_t kSpoolBlockBytes = size_t{1} << 16;

std::span<const std::byte> BytesOf(const uint64_t& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

// The streams grow in blocks of one size. Full blocks are in the temporary file
// in the order in which they filled up.
class TableSpool::Impl {
 public:
  Impl(std::string folder, const std::vector<ColumnSpec>& columns)
      : folder_(std::move(folder)),
        specs_(MakeStreams(columns)),
        first_streams_(FirstStreams(columns)),
        streams_(specs_.size()) {
    for (size_t s = 0; s < specs_.size(); ++s) {
      if (specs_[s].is_text_offsets) Append(s, BytesOf(0));
    }
  }

  size_t FirstStream(size_t column) const { return first_streams_[column]; }
  const Result<void>& result() const { return result_; }

  uint64_t num_bytes(size_t stream) const {
    return streams_[stream].blocks.size() * uint64_t{kSpoolBlockBytes} +
           streams_[stream].tail_bytes;
  }

  // Whether every column has num_rows values.
  bool HasRows(uint64_t num_rows) const {
    for (size_t s = 0; s < specs_.size(); ++s) {
      if (!specs_[s].is_text_bytes &&
          num_bytes(s) / ElementSize(specs_[s].type) !=
              num_rows + (specs_[s].is_text_offsets ? 1 : 0)) {
        return false;
      }
    }
    return true;
  }

  void Append(size_t stream, std::span<const std::byte> bytes) {
    Stream& to = streams_[stream];
    while (!bytes.empty() && result_.ok()) {
      const size_t num_taken =
          std::min(bytes.size(), kSpoolBlockBytes - to.tail_bytes);
      if (to.tail_bytes + num_taken > to.tail.size()) GrowTail(to, num_taken);
      std::memcpy(to.tail.data() + to.tail_bytes, bytes.data(), num_taken);
      to.tail_bytes += num_taken;
      bytes = bytes.subspan(num_taken);
      if (to.tail_bytes == kSpoolBlockBytes) result_ = Spill(to);
    }
  }

  Result<void> Read(size_t stream, uint64_t offset,
                    std::span<std::byte> bytes) const {
    const Stream& from = streams_[stream];
    assert(offset + bytes.size() <= num_bytes(stream));
    while (!bytes.empty()) {
      const auto block = static_cast<size_t>(offset / kSpoolBlockBytes);
      const auto within = static_cast<size_t>(offset % kSpoolBlockBytes);
      const size_t num_taken =
          std::min(bytes.size(), kSpoolBlockBytes - within);
      if (block == from.blocks.size()) {
        std::memcpy(bytes.data(), from.tail.data() + within, num_taken);
      } else if (const int error =
                     ReadExactly(fd_.get(), from.blocks[block] + within,
                                 bytes.first(num_taken));
                 error != 0) {
        return MachineFault("read a temporary file in " + folder_,
                            error == kEndOfFile ? EIO : error);
      }
      bytes = bytes.subspan(num_taken);
      offset += num_taken;
    }
    return {};
  }

 private:
  struct Stream {
    std::vector<uint64_t> blocks;  // offsets in the temporary file
    std::vector<std::byte> tail;   // its first tail_bytes are in use
    size_t tail_bytes = 0;
  };

  static void GrowTail(Stream& stream, size_t num_bytes) {
    const size_t needed_bytes = stream.tail_bytes + num_bytes;
    stream.tail.resize(std::min(std::max(needed_bytes, 2 * stream.tail.size()),
                                kSpoolBlockBytes));
  }

  Result<void> Spill(Stream& stream) {
    if (!fd_.is_open()) {
      if (auto opened = OpenTemporaryFile(); !opened.ok()) {
        return opened.error();
      }
    }
    if (const int error = WriteExactly(fd_.get(), file_bytes_, stream.tail);
        error != 0) {
      return MachineFault("write a temporary file in " + folder_, error);
    }
    stream.blocks.push_back(file_bytes_);
    file_bytes_ += kSpoolBlockBytes;
    stream.tail_bytes = 0;
    return {};
  }

  Result<void> OpenTemporaryFile() {
    fd_ = UniqueFd(
        ::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600));
    if (fd_.is_open()) return {};
    // Not every file system has files without a name.
    std::string path = folder_ + "/.table-XXXXXX";
    fd_ = UniqueFd(::mkostemp(path.data(), O_CLOEXEC));
    if (!fd_.is_open()) {
      return MachineFault("make a temporary file in " + folder_, errno);
    }
    return RemoveFile(path);
  }

  std::string folder_;
  std::vector<StreamSpec> specs_;
  std::vector<size_t> first_streams_;
  std::vector<Stream> streams_;
  UniqueFd fd_;
  uint64_t file_bytes_ = 0;
  Result<void> result_;  // the first error of any Append
};

TableSpool::TableSpool(std::string folder, std::vector<ColumnSpec> columns)
    : impl_(std::make_unique<Impl>(std::move(folder), columns)) {
  assert(!columns.empty());
  columns_ = std::move(columns);
}

TableSpool::~TableSpool() = default;

void TableSpool::AddNumber(size_t column, uint64_t value) {
  const size_t value_bytes = ValueBytes(columns_[column].type);
  assert(columns_[column].type != ColumnType::kText);
  assert(value_bytes == 8 || value >> (8 * value_bytes) == 0);
  impl_->Append(impl_->FirstStream(column), BytesOf(value).first(value_bytes));
}

void TableSpool::AddText(size_t column, std::string_view text) {
  assert(columns_[column].type == ColumnType::kText);
  const size_t stream = impl_->FirstStream(column);
  impl_->Append(stream, std::as_bytes(std::span(text)));
  impl_->Append(stream + 1, BytesOf(impl_->num_bytes(stream)));
}

Result<void> TableSpool::EndRow() {
  if (!impl_->result().ok()) return impl_->result().error();
  ++num_rows_;
  assert(impl_->HasRows(num_rows_));
  return {};
}

uint64_t TableSpool::StreamBytes(size_t stream) const {
  return impl_->num_bytes(stream);
}

Result<void> TableSpool::ReadStream(size_t stream, uint64_t offset,
                                    std::span<std::byte> bytes) const {
  return impl_->Read(stream, offset, bytes);
}

}  // namespace melmill
