#include "io/file/line_reader.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "io/file/input_file.h"

namespace melmill {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
// The longest line that is kept, including what is stripped from it.
constexpr size_t kMaxRawLineBytes = kMaxLineBytes + kByteOrderMark.size() + 1;

// Doubles the capacity, but never beyond what a line may need. By itself, a
// string would grow to twice that.
void AppendBounded(std::string_view bytes, std::string* line) {
  const size_t num_bytes = line->size() + bytes.size();
  assert(num_bytes <= kMaxRawLineBytes);
  if (num_bytes > line->capacity()) {
    line->reserve(
        std::min(std::max(num_bytes, 2 * line->size()), kMaxRawLineBytes));
  }
  line->append(bytes);
}

}  // namespace

class LineReader::Impl {
 public:
  explicit Impl(InputFile file)
      : file_(std::move(file)),
        piece_(static_cast<size_t>(
            std::min<uint64_t>(kPieceBytes, file_.size_bytes()))) {}

  Result<std::optional<Line>> Next();

  uint64_t num_bytes() const { return file_.size_bytes(); }
  uint64_t offset() const { return offset_ - rest_.size(); }
  Result<void> SkipTo(uint64_t offset);

  Hash128 ContentHash() const {
    assert(rest_.empty() && offset_ == file_.size_bytes());
    return hasher_.Digest();
  }

 private:
  // Makes rest_ the next piece of the file, or empty at its end.
  Result<void> ReadPiece();
  // Adds `bytes` to the line, or marks the line as too long.
  static void Extend(std::string_view bytes, Line* line);
  static void Strip(bool ended_by_newline, Line* line);

  InputFile file_;
  std::vector<char> piece_;
  std::string_view rest_;  // the part of piece_ not yet returned
  uint64_t offset_ = 0;    // offset of the first byte not yet read
  uint64_t num_lines_ = 0;
  Hasher128 hasher_;
};

Result<void> LineReader::Impl::ReadPiece() {
  const size_t num_bytes = static_cast<size_t>(
      std::min<uint64_t>(kPieceBytes, file_.size_bytes() - offset_));
  const auto piece = std::span(piece_).first(num_bytes);
  if (Result<void> read = file_.ReadAt(offset_, std::as_writable_bytes(piece));
      !read.ok()) {
    return Error{RejectCode::kIoError, read.error().message,
                 read.error().detail};
  }
  offset_ += num_bytes;
  rest_ = std::string_view(piece.data(), piece.size());
  hasher_.Update(rest_);
  return {};
}

void LineReader::Impl::Extend(std::string_view bytes, Line* line) {
  if (line->too_long) return;
  if (line->bytes.size() + bytes.size() > kMaxRawLineBytes) {
    line->too_long = true;
    line->bytes = std::string();
    return;
  }
  AppendBounded(bytes, &line->bytes);
}

void LineReader::Impl::Strip(bool ended_by_newline, Line* line) {
  std::string& bytes = line->bytes;
  if (ended_by_newline && bytes.ends_with('\r')) bytes.pop_back();
  if (line->number == 1 && bytes.starts_with(kByteOrderMark)) {
    bytes.erase(0, kByteOrderMark.size());
  }
  if (bytes.size() > kMaxLineBytes) {
    line->too_long = true;
    bytes = std::string();
  }
}

Result<std::optional<Line>> LineReader::Impl::Next() {
  Line line;
  line.number = num_lines_ + 1;
  bool has_bytes = false;
  for (;;) {
    if (rest_.empty()) {
      if (Result<void> read = ReadPiece(); !read.ok()) return read.error();
      if (rest_.empty()) break;
    }
    has_bytes = true;
    const size_t newline = rest_.find('\n');
    Extend(rest_.substr(0, newline), &line);
    if (newline != std::string_view::npos) {
      rest_.remove_prefix(newline + 1);
      Strip(true, &line);
      ++num_lines_;
      return std::optional(std::move(line));
    }
    rest_ = {};
  }
  if (!has_bytes) return std::optional<Line>();
  Strip(false, &line);
  ++num_lines_;
  return std::optional(std::move(line));
}

Result<void> LineReader::Impl::SkipTo(uint64_t target) {
  if (target <= offset() || offset() == file_.size_bytes()) return {};
  // The byte before the target may end a line.
  const uint64_t last_byte = std::min(target, file_.size_bytes()) - 1;
  if (last_byte > offset_) {
    rest_ = {};
    offset_ = last_byte;
  } else {
    rest_.remove_prefix(static_cast<size_t>(last_byte - offset()));
  }
  ++num_lines_;  // no line that follows is the first of the file
  for (;;) {
    if (rest_.empty()) {
      if (Result<void> read = ReadPiece(); !read.ok()) return read;
      if (rest_.empty()) return {};
    }
    const size_t newline = rest_.find('\n');
    if (newline != std::string_view::npos) {
      rest_.remove_prefix(newline + 1);
      return {};
    }
    rest_ = {};
  }
}

Result<LineReader> LineReader::Open(const std::string& path) {
  Result<InputFile> file = InputFile::Open(path);
  if (!file.ok()) return file.error();
  return LineReader(std::make_unique<Impl>(std::move(file).value()));
}

LineReader::LineReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;

Result<std::optional<Line>> LineReader::Next() { return impl_->Next(); }

uint64_t LineReader::num_bytes() const { return impl_->num_bytes(); }

uint64_t LineReader::offset() const { return impl_->offset(); }

Result<void> LineReader::SkipTo(uint64_t offset) {
  return impl_->SkipTo(offset);
}

Hash128 LineReader::ContentHash() const { return impl_->ContentHash(); }

}  // namespace melmill
