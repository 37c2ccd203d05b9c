#include "io/sound/id3_tag.h"

#include <array>
#include <cstddef>
#include <span>

#include "io/sound/byte_field.h"

namespace melmill {
namespace {

constexpr int kMaxNumTags = 16;
constexpr uint64_t kHeaderBytes = 10;
constexpr std::byte kHasFooter{0x10};

}  // namespace

Result<uint64_t> EndOfId3Tags(const ByteSource& file) {
  uint64_t offset = 0;
  for (int i = 0; i < kMaxNumTags; ++i) {
    std::array<std::byte, kHeaderBytes> bytes;
    if (file.size_bytes() - offset < bytes.size()) return offset;
    const Result<void> read = file.ReadAt(offset, bytes);
    if (!read.ok()) return read.error();
    if (!BeginsWith(bytes, "ID3")) return offset;
    uint64_t size = kHeaderBytes;
    if ((bytes[5] & kHasFooter) != std::byte{0}) size += kHeaderBytes;
    uint64_t content = 0;
    for (const std::byte b : std::span(bytes).subspan(6)) {
      content = content << 7 | std::to_integer<uint64_t>(b & std::byte{0x7F});
    }
    size += content;
    if (size > file.size_bytes() - offset) return file.size_bytes();
    offset += size;
  }
  return offset;
}

}  // namespace melmill
