#ifndef MELMILL_IO_SOUND_SOUND_DECODER_H_
#define MELMILL_IO_SOUND_SOUND_DECODER_H_

#include <span>

#include "io/result.h"

namespace melmill {

// Decodes one coded file from its beginning to its end, on one thread. The file
// must outlive it.
class SoundDecoder {
 public:
  virtual ~SoundDecoder() = default;

  // Decodes the next samples of every channel to their mean (DownmixToMono), as
  // libsndfile decodes and scales them. Returns at least one sample, and none
  // at the end; they are valid until the next call. At most 65,536 at once.
  // Errors: kDecodeFailed; kLyingSize and kSeveralFiles for more sound than the
  // header counts; those of the file's ReadAt. After an error or the end it
  // must not be called.
  virtual Result<std::span<const float>> Next() = 0;
};

}  // namespace melmill

#endif  // MELMILL_IO_SOUND_SOUND_DECODER_H_
