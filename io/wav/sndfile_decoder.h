#ifndef MELMILL_IO_WAV_SNDFILE_DECODER_H_
#define MELMILL_IO_WAV_SNDFILE_DECODER_H_

#include <cstddef>
#include <memory>
#include <span>

#include "io/result.h"
#include "io/wav/wav_header.h"

namespace melmill {

// Decodes the bytes of plain samples to floats with libsndfile. Integer
// and companded types are scaled to [-1, 1] (8 bit by 2^7, 16 bit by 2^15,
// ...). Float types are kept as they are, NaN included. libsndfile sees only
// these bytes, as headerless samples of the given type; the file's own header
// never reaches it. PlainDecoder does the same faster for common types.
//
// One object decodes one file at a time on one thread.
class SndfileDecoder {
 public:
  // `header` is as in PlainDecoder. Throws std::bad_alloc if libsndfile runs
  // out of memory.
  static Result<SndfileDecoder> Create(const SoundHeader& header);

  ~SndfileDecoder();
  SndfileDecoder(SndfileDecoder&&) noexcept;
  SndfileDecoder& operator=(SndfileDecoder&&) noexcept;

  // Decodes the next block of samples: whole sample groups (one sample of every
  // channel), in file order. `interleaved` has room for exactly their
  // samples. Error: kDecodeFailed.
  Result<void> Decode(std::span<const std::byte> block,
                      std::span<float> interleaved);

 private:
  class Impl;
  explicit SndfileDecoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace melmill

#endif  // MELMILL_IO_WAV_SNDFILE_DECODER_H_
