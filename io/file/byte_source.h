#ifndef MELMILL_IO_FILE_BYTE_SOURCE_H_
#define MELMILL_IO_FILE_BYTE_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/result.h"

namespace melmill {

// A run of bytes of a file.
struct ByteRange {
  uint64_t offset = 0;
  uint64_t num_bytes = 0;

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// Bytes that can be read at any offset: a file, a range of one, or memory in
// tests.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  virtual uint64_t size_bytes() const = 0;

  // Fills `bytes` from `offset` on. Errors: kIoError if the device fails;
  // kChangedSincePlan if the source is now shorter than size_bytes.
  // Thread-safe.
  virtual Result<void> ReadAt(uint64_t offset,
                              std::span<std::byte> bytes) const = 0;
};

}  // namespace melmill

#endif  // MELMILL_IO_FILE_BYTE_SOURCE_H_
