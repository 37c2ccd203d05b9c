#include "io/file/file_digest.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <span>
#include <vector>

#include "io/file/system_calls.h"
#include "io/hash.h"

namespace melmill {
namespace {

constexpr uint64_t kHashedPieceBytes = uint64_t{1} << 20;

Result<void> HashRange(const ReadableFile& file, uint64_t begin, uint64_t end,
                       Hasher64* hasher) {
  std::vector<std::byte> piece(
      static_cast<size_t>(std::min(kHashedPieceBytes, end - begin)));
  while (begin < end) {
    const std::span<std::byte> bytes = std::span(piece).first(
        static_cast<size_t>(std::min(kHashedPieceBytes, end - begin)));
    const int error_number = ReadExactly(file.fd.get(), begin, bytes);
    if (error_number != 0) return StoreReadError(error_number);
    hasher->Update(bytes);
    begin += bytes.size();
  }
  return {};
}

}  // namespace

Result<FileDigest> DigestFile(const std::string& path,
                              std::initializer_list<SkippedBytes> skipped) {
  const ReadableFile file = OpenForReading(path);
  if (file.error != 0) return StoreReadError(file.error);
  const uint64_t num_bytes = file.size_bytes;
  Hasher64 hasher;
  uint64_t begin = 0;
  for (const SkippedBytes& bytes : skipped) {
    assert(bytes.offset >= begin);
    if (bytes.offset > num_bytes ||
        bytes.num_bytes > num_bytes - bytes.offset) {
      return Error{RejectCode::kTruncated, "the file is too short"};
    }
    const auto hashed = HashRange(file, begin, bytes.offset, &hasher);
    if (!hashed.ok()) return hashed.error();
    begin = bytes.offset + bytes.num_bytes;
  }
  const auto hashed = HashRange(file, begin, num_bytes, &hasher);
  if (!hashed.ok()) return hashed.error();
  return FileDigest{num_bytes, hasher.Digest()};
}

}  // namespace melmill
