#ifndef MELMILL_IO_MP3_MP3_DECODER_H_
#define MELMILL_IO_MP3_MP3_DECODER_H_

#include <memory>

#include "io/file/byte_source.h"
#include "io/result.h"
#include "io/sound/sound_decoder.h"
#include "io/sound/sound_header.h"

namespace melmill {

// A decoder by libmpg123, with the settings of libsndfile, so that the samples
// are librosa's. libsndfile is not between them because it lets mpg123 print to
// the terminal. `header` comes from ReadMp3Header. Throws std::bad_alloc.
// Errors: kDecodeFailed if mpg123 does not open the file or finds another rate
// or number of channels; those of ReadAt.
Result<std::unique_ptr<SoundDecoder>> MakeMp3Decoder(const SoundHeader& header,
                                                     const ByteSource& file);

}  // namespace melmill

#endif  // MELMILL_IO_MP3_MP3_DECODER_H_
