#ifndef MELMILL_IO_WAV_WAV_FORMAT_H_
#define MELMILL_IO_WAV_WAV_FORMAT_H_

#include "io/result.h"
#include "io/sound/sound_header.h"
#include "io/wav/riff.h"

namespace melmill {

// The part of a fmt chunk that is needed.
struct WavFormat {
  SampleEncoding encoding;
  int num_channels;
  int sample_rate_hz;
};

// Reads a fmt chunk, plain or EXTENSIBLE. All its claimed bytes must be in the
// file. Errors: kUnsupportedFormat, kBadHeader, kBadChannels, kBadSampleRate,
// and those of ReadAt.
Result<WavFormat> ReadWavFormat(const RiffFile& file, const RiffChunk& chunk);

}  // namespace melmill

#endif  // MELMILL_IO_WAV_WAV_FORMAT_H_
