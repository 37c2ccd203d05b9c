#ifndef MELMILL_IO_SOUND_PREFIX_SOURCE_H_
#define MELMILL_IO_SOUND_PREFIX_SOURCE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "io/file/byte_source.h"
#include "io/result.h"

namespace melmill {

// A source whose first bytes are already in memory. Both must outlive it.
class PrefixSource : public ByteSource {
 public:
  PrefixSource(std::span<const std::byte> prefix, const ByteSource& source)
      : prefix_(prefix), source_(source) {}

  uint64_t size_bytes() const override { return source_.size_bytes(); }

  Result<void> ReadAt(uint64_t offset,
                      std::span<std::byte> bytes) const override {
    if (offset > prefix_.size() || bytes.size() > prefix_.size() - offset) {
      return source_.ReadAt(offset, bytes);
    }
    std::copy_n(prefix_.begin() + static_cast<ptrdiff_t>(offset), bytes.size(),
                bytes.begin());
    return {};
  }

 private:
  std::span<const std::byte> prefix_;
  const ByteSource& source_;
};

}  // namespace melmill

#endif  // MELMILL_IO_SOUND_PREFIX_SOURCE_H_
