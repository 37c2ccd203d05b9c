#ifndef MELMILL_IO_FLAC_FLAC_HEADER_H_
#define MELMILL_IO_FLAC_FLAC_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "io/file/byte_source.h"
#include "io/result.h"
#include "io/sound/sound_header.h"

namespace melmill {

// Reads the STREAMINFO block of a FLAC file whose "fLaC" is at `begin`: 42
// bytes. Source: RFC 9639, section 8. Errors: kTruncated, kBadHeader,
// kUnsupportedFormat (other than 8, 16 or 24 bits, which libsndfile does not
// open), kBadSampleRate, kLengthUnknown, and those of ReadAt.
Result<SoundHeader> ReadFlacHeader(const ByteSource& file, uint64_t begin);

// The bits of a sample, of a file that ReadFlacHeader accepts.
Result<int> ReadFlacBitsPerSample(const ByteSource& file, uint64_t begin);

// Judges what follows the last of the samples that STREAMINFO counts: nothing,
// or bytes that are no sound. Errors: kLyingSize if a FLAC frame follows, or
// more than 4,096 bytes that are no tag; kSeveralFiles; those of ReadAt.
Result<void> CheckFlacTail(const ByteSource& file, uint64_t offset);

inline constexpr uint64_t kMaxBytesBehindSound = 4096;

}  // namespace melmill

#endif  // MELMILL_IO_FLAC_FLAC_HEADER_H_
