#ifndef MELMILL_IO_WAV_WAV_HEADER_H_
#define MELMILL_IO_WAV_WAV_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/file/byte_source.h"
#include "io/result.h"
#include "io/sound/sound_header.h"

namespace melmill {

// The number of bytes from the start of a file that hold nearly every header,
// including Broadcast WAV with its 602 bytes of text. A longer header costs
// more reads, of pages that are in memory by then.
inline constexpr size_t kWavPrefixBytes = 1024;

// Reads the chunks of a RIFF, RIFX or RF64 file up to its first `data` chunk,
// counts the samples that exist, and checks what follows them. Allocates
// nothing by sizes that the file claims. `prefix` holds the first bytes of
// `file` (any number of them); the others are read from `file`. Errors: the
// codes of stage "header" (docs/input.md lists what is accepted), and those of
// ReadAt.
Result<SoundFile> ReadWavFile(std::span<const std::byte> prefix,
                              const ByteSource& file);

// Does the same without checking what follows the data, which does not change
// the header. For files that were accepted before.
Result<SoundHeader> ReadWavHeader(std::span<const std::byte> prefix,
                                  const ByteSource& file);

}  // namespace melmill

#endif  // MELMILL_IO_WAV_WAV_HEADER_H_
