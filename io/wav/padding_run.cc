#include "io/wav/padding_run.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace melmill {
namespace {

constexpr uint64_t kBlockBytes = 4096;
constexpr uint64_t kMaxWholeBytes = uint64_t{16} << 20;
constexpr uint64_t kNumPlaces = 1024;

// The first byte of [begin, end) that is not `value`; `end` if all are.
Result<uint64_t> FindOther(const RiffFile& file, uint64_t begin, uint64_t end,
                           std::byte value) {
  std::array<std::byte, kBlockBytes> buffer;
  while (begin < end) {
    const auto block = std::span(buffer).first(
        static_cast<size_t>(std::min(kBlockBytes, end - begin)));
    if (Result<void> read = file.ReadAt(begin, block); !read.ok()) {
      return read.error();
    }
    const auto other =
        std::find_if(block.begin(), block.end(),
                     [value](std::byte byte) { return byte != value; });
    if (other != block.end()) {
      return begin + static_cast<uint64_t>(other - block.begin());
    }
    begin += block.size();
  }
  return end;
}

// Whether every byte checked from `begin` to the file's end is `value`.
Result<bool> LooksLikeRun(const RiffFile& file, uint64_t begin,
                          std::byte value) {
  const uint64_t end = file.size_bytes();
  const uint64_t step = std::max(kBlockBytes, (end - begin) / kNumPlaces);
  while (begin < end) {
    const uint64_t block_end = std::min(begin + kBlockBytes, end);
    const Result<uint64_t> other = FindOther(file, begin, block_end, value);
    if (!other.ok()) return other.error();
    if (other.value() != block_end) return false;
    if (block_end == end) break;
    begin = std::min(begin + step, end - kBlockBytes);
  }
  return true;
}

}  // namespace

Result<uint64_t> EndOfPaddingRun(const RiffFile& file, uint64_t begin) {
  std::array<std::byte, 1> first;
  if (Result<void> read = file.ReadAt(begin, first); !read.ok()) {
    return read.error();
  }
  const std::byte value = first[0];
  if (value != std::byte{0x00} && value != std::byte{0xFF}) return begin;
  const uint64_t end = file.size_bytes();
  const uint64_t whole_end = begin + std::min(kMaxWholeBytes, end - begin);
  const Result<uint64_t> other = FindOther(file, begin, whole_end, value);
  if (!other.ok()) return other.error();
  if (other.value() < whole_end || whole_end == end) return other;
  const Result<bool> is_run = LooksLikeRun(file, whole_end, value);
  if (!is_run.ok()) return is_run.error();
  return is_run.value() ? end : begin;
}

}  // namespace melmill
