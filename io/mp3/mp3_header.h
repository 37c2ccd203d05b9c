#ifndef MELMILL_IO_MP3_MP3_HEADER_H_
#define MELMILL_IO_MP3_MP3_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/file/byte_source.h"
#include "io/result.h"
#include "io/sound/sound_header.h"

namespace melmill {

// Whether an MP3 stream begins at `begin`: two matching frame headers, or one
// frame that ends the file. Errors: those of ReadAt.
Result<bool> IsMp3(const ByteSource& file, uint64_t begin);

// Reads the first frame of an MP3 that IsMp3 accepts. A Xing or Info tag there
// is trusted for the number of samples. A file without one is walked from frame
// to frame, and is odd (kNoFrameCount), since a loss at its end does not show.
// Errors: kLengthUnknown for a tag without a count, kNoSamples, kReferenceCuts,
// those of CheckMp3Frames, those of ReadAt.
Result<SoundFile> ReadMp3Header(const ByteSource& file, uint64_t begin);

// Walks through all frames and compares their number with the tag's. Errors:
// kTruncated for a cut frame or fewer frames, kLyingSize for more or for other
// bytes, kBadHeader if the stream changes its rate or channels, those of
// ReadAt. Tags, and up to 1,024 zeros, may follow the last frame.
Result<void> CheckMp3Frames(const ByteSource& file);

}  // namespace melmill

#endif  // MELMILL_IO_MP3_MP3_HEADER_H_
