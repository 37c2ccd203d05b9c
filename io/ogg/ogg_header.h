#ifndef MELMILL_IO_OGG_OGG_HEADER_H_
#define MELMILL_IO_OGG_OGG_HEADER_H_

#include <optional>

#include "io/file/byte_source.h"
#include "io/result.h"
#include "io/sound/sound_header.h"

namespace melmill {

// Reads an Ogg file of one Vorbis or Opus stream: its first page, and its last
// one, which tells the number of samples and is searched in the last 68 KiB. Of
// Opus the sample rate is the one at which libsndfile decodes: the lowest of 8,
// 12, 16, 24 and 48 kHz that is at least the original's. Nothing if the stream
// is of another kind. Errors: kBadHeader, kBadChannels, kBadSampleRate,
// kTruncated (no whole last page), kChained (the last page is of another
// stream), kLyingSize (more than 4,096 bytes behind it), kNoSamples, those of
// ReadAt. Sources: RFC 3533, RFC 7845, the Vorbis I specification.
Result<std::optional<SoundHeader>> ReadOggHeader(const ByteSource& file);

// A decoder holds a whole packet, such as a comment with pictures.
inline constexpr uint64_t kMaxOggPacketBytes = uint64_t{8} << 20;

// Walks through all pages. Errors: kBadPage for a damaged page or one that is
// missing, kChained for a page of another stream, with the byte as detail;
// kBadHeader for a packet above kMaxOggPacketBytes, and those of
// CheckVorbisSetup; those of ReadAt.
Result<void> CheckOggPages(const SoundHeader& header, const ByteSource& file);

}  // namespace melmill

#endif  // MELMILL_IO_OGG_OGG_HEADER_H_
