#ifndef MELMILL_IO_CONTAINER_AIFF_HEADER_H_
#define MELMILL_IO_CONTAINER_AIFF_HEADER_H_

#include "io/file/byte_source.h"
#include "io/result.h"
#include "io/sound/sound_header.h"

namespace melmill {

// Reads the chunks of an AIFF or AIFF-C file up to the last of COMM and SSND.
// The count in COMM must be what SSND has. Read are PCM of 8, 16, 24 and 32
// bits in both byte orders, float, mu-law and A-law. Errors: kTruncated,
// kBadHeader, kNoSamples (no SSND), kUnsupportedFormat, those of
// CheckPlainClaim and of ReadAt. Source: Apple's "Audio Interchange File
// Format" 1.3 and "AIFF-C".
Result<SoundHeader> ReadAiffHeader(const ByteSource& file);

}  // namespace melmill

#endif  // MELMILL_IO_CONTAINER_AIFF_HEADER_H_
