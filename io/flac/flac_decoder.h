#ifndef MELMILL_IO_FLAC_FLAC_DECODER_H_
#define MELMILL_IO_FLAC_FLAC_DECODER_H_

#include <memory>

#include "io/file/byte_source.h"
#include "io/result.h"
#include "io/sound/sound_decoder.h"
#include "io/sound/sound_header.h"

namespace melmill {

// A decoder by libFLAC, strict where libsndfile is not: any damage that libFLAC
// notices is an error, and so is sound beyond the samples that the header
// counts. The scale is libsndfile's: sample / 2^(bits - 1). `header` comes from
// ReadFlacHeader. Takes at most some 8 MB of memory, whatever the file claims.
// Throws std::bad_alloc. Errors: kDecodeFailed, those of ReadAt.
Result<std::unique_ptr<SoundDecoder>> MakeFlacDecoder(const SoundHeader& header,
                                                      const ByteSource& file);

}  // namespace melmill

#endif  // MELMILL_IO_FLAC_FLAC_DECODER_H_
