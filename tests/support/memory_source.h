#ifndef MELMILL_TESTS_SUPPORT_MEMORY_SOURCE_H_
#define MELMILL_TESTS_SUPPORT_MEMORY_SOURCE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "io/file/byte_source.h"

namespace melmill {

// Bytes in memory as a file, with a record of how they were read. For one
// thread.
class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::vector<std::byte> bytes)
      : bytes_(std::move(bytes)) {}

  uint64_t size_bytes() const override { return bytes_.size(); }

  Result<void> ReadAt(uint64_t offset,
                      std::span<std::byte> bytes) const override {
    ++num_reads_;
    largest_read_bytes_ = std::max(largest_read_bytes_, bytes.size());
    if (offset > bytes_.size() || bytes.size() > bytes_.size() - offset) {
      return Error{RejectCode::kChangedSincePlan, "read past the end"};
    }
    std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(offset), bytes.size(),
                bytes.begin());
    return {};
  }

  const std::vector<std::byte>& bytes() const { return bytes_; }
  int num_reads() const { return num_reads_; }
  size_t largest_read_bytes() const { return largest_read_bytes_; }

 private:
  std::vector<std::byte> bytes_;
  mutable int num_reads_ = 0;
  mutable size_t largest_read_bytes_ = 0;
};

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_MEMORY_SOURCE_H_
