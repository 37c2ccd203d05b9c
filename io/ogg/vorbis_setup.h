#ifndef MELMILL_IO_OGG_VORBIS_SETUP_H_
#define MELMILL_IO_OGG_VORBIS_SETUP_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/result.h"

namespace melmill {

// The most entries, and numbers in all entries, that all codebooks of a file
// may have. Encoders use some ten thousand. libvorbis takes some 25 bytes for
// an entry and 4 for each of its numbers, and a few bytes of a file can ask for
// millions of them.
inline constexpr uint64_t kMaxVorbisEntries = uint64_t{1} << 18;
inline constexpr uint64_t kMaxVorbisNumbers = uint64_t{1} << 21;

// Reads the codebooks at the start of a setup packet ("\x05vorbis"), and adds
// up what libvorbis will allocate for them. Error: kBadHeader if that is too
// much, or if the packet ends within them. Source: the Vorbis I specification,
// sections 3.2.1 and 4.2.4.
Result<void> CheckVorbisSetup(std::span<const std::byte> packet);

}  // namespace melmill

#endif  // MELMILL_IO_OGG_VORBIS_SETUP_H_
