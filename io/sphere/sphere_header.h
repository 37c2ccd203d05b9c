#ifndef MELMILL_IO_SPHERE_SPHERE_HEADER_H_
#define MELMILL_IO_SPHERE_SPHERE_HEADER_H_

#include <cstdint>

#include "io/file/byte_source.h"
#include "io/result.h"
#include "io/sound/sound_header.h"

namespace melmill {

inline constexpr uint64_t kMinSphereHeaderBytes = 1024;
inline constexpr uint64_t kMaxSphereHeaderBytes = uint64_t{64} << 10;

// Reads the text header of a NIST SPHERE file: the fields sample_count,
// sample_rate, channel_count, sample_n_bytes, sample_byte_format and
// sample_coding (pcm, ulaw, alaw). sample_count must be what the file has: more
// is kTruncated, less is kLyingSize, none is kLengthUnknown. Other errors:
// kBadHeader, kUnsupportedFormat, kBadSampleRate, kBadChannels, kNoSamples,
// those of ReadAt. Source: the manual page of NIST's sphere library.
Result<SoundHeader> ReadSphereHeader(const ByteSource& file);

}  // namespace melmill

#endif  // MELMILL_IO_SPHERE_SPHERE_HEADER_H_
