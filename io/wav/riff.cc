#include "io/wav/riff.h"

#include <algorithm>
#include <cassert>

#include "io/sound/byte_field.h"

namespace melmill {

RiffFile::RiffFile(std::span<const std::byte> prefix, const ByteSource& source)
    : prefix_(prefix), source_(source), size_bytes_(source.size_bytes()) {
  prefix_ = prefix_.first(std::min<uint64_t>(prefix_.size(), size_bytes_));
}

Result<void> RiffFile::ReadAt(uint64_t offset,
                              std::span<std::byte> bytes) const {
  assert(offset <= size_bytes_ && bytes.size() <= size_bytes_ - offset);
  if (offset + bytes.size() > prefix_.size()) {
    return source_.ReadAt(offset, bytes);
  }
  std::copy_n(prefix_.data() + offset, bytes.size(), bytes.data());
  return {};
}

uint64_t RiffFile::Number(std::span<const std::byte> bytes) const {
  assert(bytes.size() <= 8);
  return big_endian_ ? BigEndian(bytes) : LittleEndian(bytes);
}

bool RiffChunk::has_printable_name() const {
  return std::all_of(id.begin(), id.end(),
                     [](char c) { return c >= 0x20 && c < 0x7F; });
}

Result<RiffChunk> ReadRiffChunk(const RiffFile& file, uint64_t offset) {
  std::array<std::byte, kRiffChunkHeaderBytes> bytes;
  if (Result<void> read = file.ReadAt(offset, bytes); !read.ok()) {
    return read.error();
  }
  RiffChunk chunk;
  for (size_t i = 0; i < chunk.id.size(); ++i) {
    chunk.id[i] = static_cast<char>(bytes[i]);
  }
  chunk.claimed_bytes =
      static_cast<uint32_t>(file.Number(std::span(bytes).subspan<4, 4>()));
  chunk.begin = offset + kRiffChunkHeaderBytes;
  return chunk;
}

bool IsRiffContainer(std::string_view name) {
  return name == "RIFF" || name == "RIFX" || name == "RF64";
}

Result<bool> IsWavFileHeader(const RiffFile& file, uint64_t offset) {
  std::array<std::byte, kRiffHeaderBytes> bytes;
  if (file.size_bytes() - offset < bytes.size()) return false;
  if (Result<void> read = file.ReadAt(offset, bytes); !read.ok()) {
    return read.error();
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                              bytes.size());
  return IsRiffContainer(text.substr(0, 4)) && text.substr(8, 4) == "WAVE";
}

uint64_t EndOfRiffChunk(const RiffFile& file, const RiffChunk& chunk) {
  const uint64_t end = chunk.begin + chunk.claimed_bytes;
  assert(end <= file.size_bytes());
  return end == file.size_bytes() ? end : end + chunk.claimed_bytes % 2;
}

Result<bool> IsChainOfRiffChunks(const RiffFile& file, uint64_t offset) {
  for (int i = 0; i < kMaxNumRiffChunks && offset < file.size_bytes(); ++i) {
    if (file.size_bytes() - offset < kRiffChunkHeaderBytes) return false;
    const Result<RiffChunk> chunk = ReadRiffChunk(file, offset);
    if (!chunk.ok()) return chunk.error();
    if (!chunk.value().has_printable_name() ||
        chunk.value().claimed_bytes > file.size_bytes() - chunk.value().begin) {
      return false;
    }
    offset = EndOfRiffChunk(file, chunk.value());
  }
  return offset == file.size_bytes();
}

}  // namespace melmill
