#ifndef MELMILL_IO_SOUND_ID3_TAG_H_
#define MELMILL_IO_SOUND_ID3_TAG_H_

#include <cstdint>

#include "io/file/byte_source.h"
#include "io/result.h"

namespace melmill {

// The offset behind the ID3v2 tags that begin a file (16 at most), 0 if there
// are none, and the size of the file if the last one claims more than is there.
// Reads ten bytes for each tag. Errors: those of ReadAt.
// Source: id3.org, "ID3 tag version 2.4.0 - Main Structure", section 3.
Result<uint64_t> EndOfId3Tags(const ByteSource& file);

}  // namespace melmill

#endif  // MELMILL_IO_SOUND_ID3_TAG_H_
