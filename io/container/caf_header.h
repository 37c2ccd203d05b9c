#ifndef MELMILL_IO_CONTAINER_CAF_HEADER_H_
#define MELMILL_IO_CONTAINER_CAF_HEADER_H_

#include "io/file/byte_source.h"
#include "io/result.h"
#include "io/sound/sound_header.h"

namespace melmill {

// Reads the chunks of a Core Audio file up to its data chunk: lpcm (integers of
// 8 to 32 bits, floats; both byte orders), ulaw and alaw. A data chunk of
// unknown size reaches to the end of the file (kNoDataSize). Errors:
// kTruncated, kBadHeader, kNoSamples, kUnsupportedFormat, those of
// CheckPlainClaim and of ReadAt. Source: Apple's "Core Audio Format
// Specification" 1.0.
Result<SoundFile> ReadCafHeader(const ByteSource& file);

}  // namespace melmill

#endif  // MELMILL_IO_CONTAINER_CAF_HEADER_H_
