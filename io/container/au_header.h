#ifndef MELMILL_IO_CONTAINER_AU_HEADER_H_
#define MELMILL_IO_CONTAINER_AU_HEADER_H_

#include "io/file/byte_source.h"
#include "io/result.h"
#include "io/sound/sound_header.h"

namespace melmill {

// Reads the header of a Sun/NeXT file, ".snd" or in the other byte order
// "dns.": PCM of 8 to 32 bits, float, mu-law, A-law. A size of all bits set
// means up to the end of the file (kNoDataSize). Errors: kTruncated,
// kBadHeader, kUnsupportedFormat, those of CheckPlainClaim and of ReadAt.
// Source: the manual page audio(5) of NeXT and Sun.
Result<SoundFile> ReadAuHeader(const ByteSource& file);

}  // namespace melmill

#endif  // MELMILL_IO_CONTAINER_AU_HEADER_H_
