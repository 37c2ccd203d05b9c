#include "io/file_digest.h"

#include <algorithm>
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
                              const SkippedBytes& skipped) {
  const Result<AudioFile> file = AudioFile::Open(path);
  if (!file.ok()) return file.error();
  const uint64_t num_bytes = file.value().size_bytes();
  if (skipped.offset > num_bytes ||
      skipped.num_bytes > num_bytes - skipped.offset) {
    return Error{ErrorCode::kTruncated, "the file is too short"};
  }
  Hasher64 hasher;
  Result<void> hashed = HashRange(file.value(), 0, skipped.offset, &hasher);
  if (hashed.ok()) {
    hashed = HashRange(file.value(), skipped.offset + skipped.num_bytes,
                       num_bytes, &hasher);
  }
  if (!hashed.ok()) return hashed.error();
  return FileDigest{num_bytes, hasher.Digest()};
}

}  // namespace melmill
