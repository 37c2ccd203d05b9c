#ifndef MELMILL_IO_WAV_WAV_TAIL_H_
#define MELMILL_IO_WAV_WAV_TAIL_H_

#include "io/result.h"
#include "io/wav/riff.h"
#include "io/wav/wav_data.h"
#include "io/wav/wav_header.h"

namespace melmill {

// Judges what follows complete data: kNone, kBytesBehindData or kCutBehindData.
// Reads a few bytes of each chunk and a bounded part of anything else. Errors:
// kSeveralFiles, kLyingSize, and those of ReadAt.
Result<SoundOddity> CheckWavTail(const RiffFile& file,
                                 const WavDataClaim& claim);

}  // namespace melmill

#endif  // MELMILL_IO_WAV_WAV_TAIL_H_
