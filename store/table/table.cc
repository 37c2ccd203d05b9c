#include "store/table/table.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/file/durable_file.h"
#include "io/file/system_calls.h"

namespace melmill {
namespace {

static_assert(std::endian::native == std::endian::little,
              "columns are written as they lie in memory");

constexpr size_t kOffsetBytes = sizeof(uint64_t);
constexpr size_t kBlockBytes = size_t{1} << 16;

// Bytes of one value; for text, of its offset.
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

// What the streams of a table are: the datasets of its file.
struct StreamSpec {
  size_t column = 0;
  std::string name;
  ElementType type = ElementType::kU8;
  bool is_text_offsets = false;
  bool is_text_bytes = false;  // the only one whose length is not its rows'
};

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

// The first stream of each column.
std::vector<size_t> FirstStreams(const std::vector<ColumnSpec>& columns) {
  std::vector<size_t> first;
  size_t next = 0;
  for (const ColumnSpec& column : columns) {
    first.push_back(next);
    next += column.type == ColumnType::kText ? 2 : 1;
  }
  return first;
}

std::span<const std::byte> BytesOf(const uint64_t& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

uint64_t TableBlock::Number(size_t column, size_t row) const {
  assert(column < columns_.size() && row < num_rows_);
  const Column& values = columns_[column];
  assert(values.type != ColumnType::kText);
  const size_t value_bytes = ValueBytes(values.type);
  uint64_t value = 0;
  std::memcpy(&value, values.bytes.data() + row * value_bytes, value_bytes);
  return value;
}

std::string_view TableBlock::Text(size_t column, size_t row) const {
  assert(column < columns_.size() && row < num_rows_);
  const Column& values = columns_[column];
  assert(values.type == ColumnType::kText);
  const char* text = reinterpret_cast<const char*>(values.bytes.data());
  return {text + values.offsets[row],
          static_cast<size_t>(values.offsets[row + 1] - values.offsets[row])};
}

// Reads the text offsets of num_rows rows into `block`, checks them, and says
// how many of the rows fit into max_bytes.
Result<size_t> TableReader::CountRowsThatFit(uint64_t first_row,
                                             size_t num_rows, size_t max_bytes,
                                             TableBlock& block) const {
  const std::vector<size_t> streams = FirstStreams(columns_);
  std::vector<uint64_t> row_bytes(num_rows, 0);
  for (size_t c = 0; c < columns_.size(); ++c) {
    const size_t value_bytes = ValueBytes(columns_[c].type);
    for (uint64_t& bytes : row_bytes) bytes += value_bytes;
    if (columns_[c].type != ColumnType::kText) continue;
    std::vector<uint64_t>& offsets = block.columns_[c].offsets;
    offsets.resize(num_rows + 1);
    const auto read = ReadStream(streams[c] + 1, first_row * kOffsetBytes,
                                 std::as_writable_bytes(std::span(offsets)));
    if (!read.ok()) return read.error();
    if (!std::is_sorted(offsets.begin(), offsets.end()) ||
        offsets.back() > StreamBytes(streams[c])) {
      return Error{ErrorCode::kBadHeader,
                   "column " + columns_[c].name + ": damaged text offsets"};
    }
    for (size_t r = 0; r < num_rows; ++r) {
      row_bytes[r] += offsets[r + 1] - offsets[r];
    }
  }
  uint64_t num_bytes = row_bytes[0];
  size_t num_fitting = 1;
  while (num_fitting < num_rows && num_bytes < max_bytes &&
         row_bytes[num_fitting] <= max_bytes - num_bytes) {
    num_bytes += row_bytes[num_fitting++];
  }
  return num_fitting;
}

Result<TableBlock> TableReader::Read(uint64_t first_row, size_t max_rows,
                                     size_t max_bytes) const {
  assert(first_row < num_rows_ && max_rows > 0);
  size_t fixed_row_bytes = 0;
  for (const ColumnSpec& column : columns_) {
    fixed_row_bytes += ValueBytes(column.type);
  }
  TableBlock block;
  block.first_row_ = first_row;
  block.columns_.resize(columns_.size());
  const size_t most_rows =
      std::min(max_rows, std::max<size_t>(max_bytes / fixed_row_bytes, 1));
  const auto num_rows = CountRowsThatFit(
      first_row,
      static_cast<size_t>(std::min<uint64_t>(most_rows, num_rows_ - first_row)),
      max_bytes, block);
  if (!num_rows.ok()) return num_rows.error();
  block.num_rows_ = num_rows.value();

  const std::vector<size_t> streams = FirstStreams(columns_);
  for (size_t c = 0; c < columns_.size(); ++c) {
    TableBlock::Column& column = block.columns_[c];
    column.type = columns_[c].type;
    const size_t value_bytes = ValueBytes(column.type);
    uint64_t offset = first_row * value_bytes;
    size_t num_bytes = block.num_rows_ * value_bytes;
    if (column.type == ColumnType::kText) {
      column.offsets.resize(block.num_rows_ + 1);
      offset = column.offsets.front();
      num_bytes = static_cast<size_t>(column.offsets.back() - offset);
      for (uint64_t& text_offset : column.offsets) text_offset -= offset;
    }
    column.bytes.resize(num_bytes);
    const auto read = ReadStream(streams[c], offset, column.bytes);
    if (!read.ok()) return read.error();
  }
  return block;
}

Result<void> TableReader::WriteFile(
    const std::string& path, const std::vector<AttributeSpec>& attributes,
    const std::vector<ExtraDataset>& extras,
    const std::optional<FileIdentity>& replaced) const {
  std::vector<DatasetSpec> datasets;
  const std::vector<StreamSpec> streams = MakeStreams(columns_);
  for (size_t s = 0; s < streams.size(); ++s) {
    datasets.push_back({streams[s].name,
                        streams[s].type,
                        {StreamBytes(s) / ElementSize(streams[s].type)}});
  }
  for (const ExtraDataset& extra : extras) {
    assert(extra.bytes.size() == extra.spec.num_bytes());
    datasets.push_back(extra.spec);
  }
  auto created = CreateDurableH5File(path, datasets, attributes);
  if (!created.ok()) return created.error();
  DurableFile& file = created.value().file;
  const std::vector<uint64_t>& offsets = created.value().offsets;

  std::vector<std::byte> block(kBlockBytes);
  for (size_t s = 0; s < streams.size(); ++s) {
    const uint64_t num_bytes = StreamBytes(s);
    for (uint64_t at = 0; at < num_bytes; at += kBlockBytes) {
      const auto piece = std::span(block).first(
          static_cast<size_t>(std::min<uint64_t>(kBlockBytes, num_bytes - at)));
      auto copied = ReadStream(s, at, piece);
      if (copied.ok()) copied = file.WriteAt(offsets[s] + at, piece);
      if (!copied.ok()) return copied.error();
    }
  }
  for (size_t e = 0; e < extras.size(); ++e) {
    const auto written =
        file.WriteAt(offsets[streams.size() + e], extras[e].bytes);
    if (!written.ok()) return written.error();
  }
  return file.Commit(replaced);
}

// The streams grow in blocks of one size; full blocks lie in the temporary
// file in the order in which they filled up.
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
    return streams_[stream].blocks.size() * uint64_t{kBlockBytes} +
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
          std::min(bytes.size(), kBlockBytes - to.tail_bytes);
      if (to.tail_bytes + num_taken > to.tail.size()) GrowTail(to, num_taken);
      std::memcpy(to.tail.data() + to.tail_bytes, bytes.data(), num_taken);
      to.tail_bytes += num_taken;
      bytes = bytes.subspan(num_taken);
      if (to.tail_bytes == kBlockBytes) result_ = Spill(to);
    }
  }

  Result<void> Read(size_t stream, uint64_t offset,
                    std::span<std::byte> bytes) const {
    const Stream& from = streams_[stream];
    assert(offset + bytes.size() <= num_bytes(stream));
    while (!bytes.empty()) {
      const auto block = static_cast<size_t>(offset / kBlockBytes);
      const auto within = static_cast<size_t>(offset % kBlockBytes);
      const size_t num_taken = std::min(bytes.size(), kBlockBytes - within);
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
    stream.tail.resize(
        std::min(std::max(needed_bytes, 2 * stream.tail.size()), kBlockBytes));
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
    file_bytes_ += kBlockBytes;
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
      return Error{ErrorCode::kBadHeader, "no column " + stream.name};
    }
    table->streams_.push_back(place);
    if (stream.is_text_bytes) continue;
    const uint64_t length = place->spec.dims[0];
    const uint64_t extra = stream.is_text_offsets ? 1 : 0;
    if (length < extra || (has_rows && length - extra != table->num_rows_)) {
      return Error{ErrorCode::kBadHeader,
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
