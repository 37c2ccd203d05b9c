#ifndef MELMILL_IO_WAV_FOREIGN_FORMAT_H_
#define MELMILL_IO_WAV_FOREIGN_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace melmill {

// The number of bytes at the start of a file that DescribeForeignFormat uses.
inline constexpr size_t kForeignHeadBytes = 64;

// A message about a file of a format that is not read: what it seems to be, and
// what to do about it, as in "is MP4/M4A, which is not read; convert it: ffmpeg
// -i in.m4a ...". `head` holds the first bytes of the file, at least one.
std::string DescribeForeignFormat(std::span<const std::byte> head);

// A message about a WAV file whose codec is not supported: "holds IMA ADPCM
// samples (format 0x0011), ...; convert it: ...".
std::string DescribeForeignCodec(uint16_t format_tag);

}  // namespace melmill

#endif  // MELMILL_IO_WAV_FOREIGN_FORMAT_H_
