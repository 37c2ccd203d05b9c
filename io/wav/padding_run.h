#ifndef MELMILL_IO_WAV_PADDING_RUN_H_
#define MELMILL_IO_WAV_PADDING_RUN_H_

#include <cstdint>

#include "io/result.h"
#include "io/wav/riff.h"

namespace melmill {

// The end of the run of equal bytes, 0x00 or 0xFF, that begins at `begin`,
// which must lie in the file; `begin` where there is none. The first 16 MiB
// are read whole. A longer run must reach the end of the file, or there is
// none; the rest of it is looked at in 1,024 evenly spaced places and at its
// end. Errors: ReadAt's.
Result<uint64_t> EndOfPaddingRun(const RiffFile& file, uint64_t begin);

}  // namespace melmill

#endif  // MELMILL_IO_WAV_PADDING_RUN_H_
