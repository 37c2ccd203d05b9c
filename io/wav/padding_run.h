#ifndef MELMILL_IO_WAV_PADDING_RUN_H_
#define MELMILL_IO_WAV_PADDING_RUN_H_

#include <cstdint>

#include "io/result.h"
#include "io/wav/riff.h"

namespace melmill {

// The end of the run of equal bytes, 0x00 or 0xFF, that begins at `begin`; if
// there is no run, `begin`, which must lie in the file. Reads the first 16 MiB
// completely. A longer run counts only if it reaches the end of the file. Its
// rest is checked at 1,024 evenly spaced places and at its end. Errors: those
// of ReadAt.
Result<uint64_t> EndOfPaddingRun(const RiffFile& file, uint64_t begin);

}  // namespace melmill

#endif  // MELMILL_IO_WAV_PADDING_RUN_H_
