#ifndef MELMILL_IO_SOUND_SOUND_FILE_H_
#define MELMILL_IO_SOUND_SOUND_FILE_H_

#include <cstddef>
#include <span>

#include "io/file/byte_source.h"
#include "io/result.h"
#include "io/sound/sound_header.h"

namespace melmill {

// The number of bytes from the start of a file that hold nearly every header. A
// longer one costs more reads.
inline constexpr size_t kSoundPrefixBytes = 1024;

// Recognises the format of a file by its content, whatever its name, and reads
// what tells its length: the header, and of some formats the end or all headers
// of coded frames. Decodes nothing and allocates nothing by sizes that the file
// claims. `prefix` holds the first bytes of `file` (any number of them).
// Errors: the codes of stage "header" (docs/input.md), and those of ReadAt.
Result<SoundFile> ReadSoundFile(std::span<const std::byte> prefix,
                                const ByteSource& file);

// Does the same without checking what follows the data of plain samples, which
// does not change the header. For files that were accepted before.
Result<SoundHeader> ReadSoundHeader(std::span<const std::byte> prefix,
                                    const ByteSource& file);

// Compares all of a coded file with its header, as far as that needs no
// decoding. Errors: codes of stages "header" and "decode", those of ReadAt.
Result<void> CheckSoundFile(const SoundHeader& header, const ByteSource& file);

}  // namespace melmill

#endif  // MELMILL_IO_SOUND_SOUND_FILE_H_
