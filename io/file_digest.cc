#include "io/file_digest.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <span>
#include <vector>

#include "io/audio_file.h"
#include "io/hash.h"

namespace melmill {
namespace {

constexpr uint64_t kPieceBytes = uint64_t{1} << 20;

Result<void> HashRange(const AudioFile& file, uint64_t begin, uint64_t end,
                       Hasher64* hasher) {
  std::vector<std::byte> piece(
      static_cast<size_t>(std::min(kPieceBytes, end - begin)));
  while (begin < end) {
    const std::span<std::byte> bytes = std::span(piece).first(
        static_cast<size_t>(std::min(kPieceBytes, end - begin)));
    const Result<void> read = file.ReadAt(begin, bytes);
    if (!read.ok()) return read;
    hasher->Update(bytes);
    begin += bytes.size();
  }
  return {};
}

}  // namespace

Result<FileDigest> DigestFile(const std::string& path,
                              std::initializer_list<SkippedBytes> skipped) {
  const Result<AudioFile> file = AudioFile::Open(path);
  if (!file.ok()) return file.error();
  const uint64_t num_bytes = file.value().size_bytes();
  Hasher64 hasher;
  uint64_t begin = 0;
  for (const SkippedBytes& bytes : skipped) {
    assert(bytes.offset >= begin);
    if (bytes.offset > num_bytes ||
        bytes.num_bytes > num_bytes - bytes.offset) {
      return Error{ErrorCode::kTruncated, "the file is too short"};
    }
    const auto hashed = HashRange(file.value(), begin, bytes.offset, &hasher);
    if (!hashed.ok()) return hashed.error();
    begin = bytes.offset + bytes.num_bytes;
  }
  const auto hashed = HashRange(file.value(), begin, num_bytes, &hasher);
  if (!hashed.ok()) return hashed.error();
  return FileDigest{num_bytes, hasher.Digest()};
}

}  // namespace melmill
