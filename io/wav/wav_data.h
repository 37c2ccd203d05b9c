#ifndef MELMILL_IO_WAV_WAV_DATA_H_
#define MELMILL_IO_WAV_WAV_DATA_H_

#include <cstdint>

#include "io/result.h"
#include "io/wav/riff.h"
#include "io/wav/wav_header.h"

namespace melmill {

// What a file claims about its samples and its own size.
struct WavDataClaim {
  uint64_t begin = 0;        // offset of the samples in the file
  uint64_t data_bytes = 0;   // as the data chunk, or ds64, says
  uint64_t riff_bytes = 0;   // file size less 8, as its first bytes say
  uint32_t group_bytes = 1;  // size of one sample of every channel
  bool data_bytes_in_ds64 = false;
};

// Where the samples end.
struct WavDataExtent {
  uint64_t num_bytes = 0;  // all in the file; need not be whole sample groups
  SoundOddity oddity = SoundOddity::kNone;
};

// Compares the claim with the bytes that exist. Errors: kTruncated, kNoSamples,
// kSeveralFiles, and those of ReadAt.
Result<WavDataExtent> MeasureWavData(const RiffFile& file,
                                     const WavDataClaim& claim);

// Whether a 32-bit size is a placeholder: a size from a writer that does not
// know the real one and cannot seek back to correct it. Placeholders are
// multiples of 10^8 from 10^9 on, and sizes at most 4,096 bytes below 2^31 or
// 2^32. Each may be rounded down to a multiple of `group_bytes`.
bool IsPlaceholderSize(uint64_t size, uint32_t group_bytes);

}  // namespace melmill

#endif  // MELMILL_IO_WAV_WAV_DATA_H_
