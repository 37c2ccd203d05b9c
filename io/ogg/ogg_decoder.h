#ifndef MELMILL_IO_OGG_OGG_DECODER_H_
#define MELMILL_IO_OGG_OGG_DECODER_H_

#include <memory>

#include "io/file/byte_source.h"
#include "io/result.h"
#include "io/sound/sound_decoder.h"
#include "io/sound/sound_header.h"

namespace melmill {

// A decoder of Vorbis or Opus by libsndfile, which is also librosa's. Its own
// count of samples is not trusted, and its silence about damage neither: first
// CheckOggPages must accept the file. `header` comes from ReadOggHeader. Throws
// std::bad_alloc. Errors: kDecodeFailed if libsndfile does not open the file or
// finds another format, rate or number of channels; those of ReadAt.
Result<std::unique_ptr<SoundDecoder>> MakeOggDecoder(const SoundHeader& header,
                                                     const ByteSource& file);

}  // namespace melmill

#endif  // MELMILL_IO_OGG_OGG_DECODER_H_
