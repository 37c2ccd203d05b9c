#include "io/file/write_back.h"

#include <algorithm>
#include <cassert>
#include <cstddef>

namespace melmill {

WriteBack::WriteBack(uint64_t offset, uint64_t num_bytes)
    : offset_(offset),
      num_bytes_(num_bytes),
      final_bytes_(
          static_cast<size_t>((num_bytes + kBlockBytes - 1) / kBlockBytes)) {}

uint64_t WriteBack::BlockBytes(uint64_t block) const {
  return std::min(kBlockBytes, num_bytes_ - block * kBlockBytes);
}

void WriteBack::AddFinal(uint64_t begin, uint64_t num_bytes,
                         DurableFile* file) {
  const uint64_t end = begin + num_bytes;
  assert(end <= num_bytes_);
  while (begin < end) {
    const uint64_t block = begin / kBlockBytes;
    const uint64_t block_end = std::min(end, (block + 1) * kBlockBytes);
    const uint64_t added = block_end - begin;
    const uint64_t sum =
        final_bytes_[static_cast<size_t>(block)].fetch_add(added) + added;
    assert(sum <= BlockBytes(block));
    if (sum == BlockBytes(block)) {
      file->StartWriteBack(offset_ + block * kBlockBytes, BlockBytes(block));
    }
    begin = block_end;
  }
}

}  // namespace melmill
