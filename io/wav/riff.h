#ifndef MELMILL_IO_WAV_RIFF_H_
#define MELMILL_IO_WAV_RIFF_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "io/file/byte_source.h"
#include "io/result.h"

namespace melmill {

// A file made of chunks, in either byte order, whose first bytes are already in
// memory. `prefix` and `source` must outlive it.
class RiffFile {
 public:
  RiffFile(std::span<const std::byte> prefix, const ByteSource& source);

  uint64_t size_bytes() const { return size_bytes_; }
  bool big_endian() const { return big_endian_; }
  void set_big_endian(bool big_endian) { big_endian_ = big_endian; }
  // The file size less 8, as the file's first bytes claim.
  uint64_t claimed_bytes() const { return claimed_bytes_; }
  void set_claimed_bytes(uint64_t num_bytes) { claimed_bytes_ = num_bytes; }

  // All of `bytes` must lie in the file.
  Result<void> ReadAt(uint64_t offset, std::span<std::byte> bytes) const;

  // The unsigned number that `bytes` (at most 8) hold in the file's byte order.
  uint64_t Number(std::span<const std::byte> bytes) const;

 private:
  std::span<const std::byte> prefix_;
  const ByteSource& source_;
  uint64_t size_bytes_;
  bool big_endian_ = false;
  uint64_t claimed_bytes_ = 0;
};

inline constexpr uint64_t kRiffChunkHeaderBytes = 8;

// "RIFF", the size of the rest, and its type: "WAVE".
inline constexpr uint64_t kRiffHeaderBytes = 12;

// A file with more chunks is taken for nonsense.
inline constexpr int kMaxNumRiffChunks = 1000;

struct RiffChunk {
  std::array<char, 4> id = {};
  uint32_t claimed_bytes = 0;  // perhaps more than the file has
  uint64_t begin = 0;          // offset of its content in the file

  std::string_view name() const { return {id.data(), id.size()}; }
  bool has_printable_name() const;
};

// Reads the 8 bytes at `offset`, which must lie in the file.
Result<RiffChunk> ReadRiffChunk(const RiffFile& file, uint64_t offset);

// Whether `name`, the first 4 bytes of a file or of another file inside it, is
// that of a container that can hold WAVE: RIFF, RIFX or RF64.
bool IsRiffContainer(std::string_view name);

// Whether another WAV file begins at `offset`, which must lie in the file or
// at its end.
Result<bool> IsWavFileHeader(const RiffFile& file, uint64_t offset);

// Where the chunk after `chunk` begins; after the last chunk, the end of the
// file. Chunks are padded to even sizes, though the last one need not be. All
// bytes that `chunk` claims must lie in the file.
uint64_t EndOfRiffChunk(const RiffFile& file, const RiffChunk& chunk);

// Whether chunks with printable names, and nothing else, fill the file from
// `offset` to its end.
Result<bool> IsChainOfRiffChunks(const RiffFile& file, uint64_t offset);

}  // namespace melmill

#endif  // MELMILL_IO_WAV_RIFF_H_
