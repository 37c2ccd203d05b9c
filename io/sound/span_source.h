#ifndef MELMILL_IO_SOUND_SPAN_SOURCE_H_
#define MELMILL_IO_SOUND_SPAN_SOURCE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "io/file/byte_source.h"
#include "io/result.h"

namespace melmill {

// Bytes in memory as a source. They must outlive it.
class SpanSource : public ByteSource {
 public:
  explicit SpanSource(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t size_bytes() const override { return bytes_.size(); }

  Result<void> ReadAt(uint64_t offset,
                      std::span<std::byte> bytes) const override {
    if (offset > bytes_.size() || bytes.size() > bytes_.size() - offset) {
      return Error{RejectCode::kChangedSincePlan, "ends too soon"};
    }
    std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(offset), bytes.size(),
                bytes.begin());
    return {};
  }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace melmill

#endif  // MELMILL_IO_SOUND_SPAN_SOURCE_H_
