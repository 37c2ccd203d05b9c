#ifndef MELMILL_IO_WAV_WAV_FORMAT_H_
#define MELMILL_IO_WAV_WAV_FORMAT_H_

#include "io/result.h"
#include "io/wav/riff.h"
#include "io/wav/wav_header.h"

namespace melmill {

// What a fmt chunk says, as far as it is needed.
struct WavFormat {
  SampleEncoding encoding;
  int num_channels;
  int sample_rate_hz;
};

// Reads a fmt chunk, plain or EXTENSIBLE, whose claimed bytes are all in the
// file. Errors: kUnsupportedFormat, kBadHeader, kBadChannels, kBadSampleRate.
Result<WavFormat> ReadWavFormat(const RiffFile& file, const RiffChunk& chunk);

}  // namespace melmill

#endif  // MELMILL_IO_WAV_WAV_FORMAT_H_
