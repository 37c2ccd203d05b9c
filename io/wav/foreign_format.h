#ifndef MELMILL_IO_WAV_FOREIGN_FORMAT_H_
#define MELMILL_IO_WAV_FOREIGN_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace melmill {

// How many bytes at the start of a file DescribeForeignFormat uses.
inline constexpr size_t kForeignHeadBytes = 64;

// What a file that is not WAV seems to be, and what to do about it, for a
// message: "is FLAC, not WAV; convert it: ffmpeg -i in.flac ...". `head` holds
// the first bytes of the file, at least one of them.
std::string DescribeForeignFormat(std::span<const std::byte> head);

// The same for WAV files with a codec that is not read: "holds IMA ADPCM
// samples (format 0x0011), ...; convert it: ...".
std::string DescribeForeignCodec(uint16_t format_tag);

}  // namespace melmill

#endif  // MELMILL_IO_WAV_FOREIGN_FORMAT_H_
