#ifndef MELMILL_IO_SOUND_BYTE_WINDOW_H_
#define MELMILL_IO_SOUND_BYTE_WINDOW_H_

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/file/byte_source.h"
#include "io/result.h"

namespace melmill {

// Walks through a source from its front to its back, with few reads. For one
// thread; the source must outlive it.
class ByteWindow {
 public:
  // The sizes of a window for a walk, and for a file's first bytes.
  static constexpr size_t kWalkBytes = size_t{128} << 10;
  static constexpr size_t kHeadBytes = size_t{8} << 10;

  ByteWindow(const ByteSource& source, size_t window_bytes)
      : source_(source), window_bytes_(window_bytes) {}

  uint64_t size_bytes() const { return source_.size_bytes(); }

  // The bytes from `offset` on, `num_bytes` (at most a window) of them, or
  // fewer at the end of the source. Valid until the next call. `offset` must
  // lie in the source or at its end.
  Result<std::span<const std::byte>> At(uint64_t offset, size_t num_bytes) {
    assert(offset <= size_bytes() && num_bytes <= window_bytes_);
    const auto count = static_cast<size_t>(
        std::min<uint64_t>(num_bytes, size_bytes() - offset));
    if (offset < begin_ || offset - begin_ > bytes_.size() ||
        count > bytes_.size() - static_cast<size_t>(offset - begin_)) {
      begin_ = offset;
      bytes_.resize(static_cast<size_t>(
          std::min<uint64_t>(window_bytes_, size_bytes() - offset)));
      const Result<void> read = source_.ReadAt(offset, bytes_);
      if (!read.ok()) {
        bytes_.clear();
        return read.error();
      }
    }
    return std::span<const std::byte>(bytes_).subspan(
        static_cast<size_t>(offset - begin_), count);
  }

 private:
  const ByteSource& source_;
  const size_t window_bytes_;
  std::vector<std::byte> bytes_;
  uint64_t begin_ = 0;
};

}  // namespace melmill

#endif  // MELMILL_IO_SOUND_BYTE_WINDOW_H_
