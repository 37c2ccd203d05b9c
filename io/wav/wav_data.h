#ifndef MELMILL_IO_WAV_WAV_DATA_H_
#define MELMILL_IO_WAV_WAV_DATA_H_

#include <cstdint>

#include "io/result.h"
#include "io/wav/riff.h"
#include "io/wav/wav_header.h"

namespace melmill {

// What a file says of its samples and of itself.
struct WavDataClaim {
  uint64_t begin = 0;        // of the samples, in the file
  uint64_t data_bytes = 0;   // by the data chunk, or by ds64
  uint64_t riff_bytes = 0;   // the file's size less 8, by its first bytes
  uint32_t group_bytes = 1;  // of one sample of every channel
  bool data_bytes_in_ds64 = false;
};

// Where the samples end.
struct WavDataExtent {
  uint64_t num_bytes = 0;  // all in the file; perhaps not whole sample groups
  WavOddity oddity = WavOddity::kNone;
};

// Compares the claim with the bytes that are there. Errors: kTruncated,
// kNoSamples, kSeveralFiles, and ReadAt's.
Result<WavDataExtent> MeasureWavData(const RiffFile& file,
                                     const WavDataClaim& claim);

// Whether a size of 32 bits is one that writers use before they know it, when
// they cannot seek back to correct it: a multiple of 10^8 from 10^9 on, or at
// most 4,096 bytes below 2^31 or 2^32, each also rounded down to a multiple of
// `group_bytes`.
bool IsPlaceholderSize(uint64_t size, uint32_t group_bytes);

}  // namespace melmill

#endif  // MELMILL_IO_WAV_WAV_DATA_H_
