#ifndef MELMILL_IO_SOUND_CODED_CLIP_H_
#define MELMILL_IO_SOUND_CODED_CLIP_H_

#include <cstdint>
#include <memory>
#include <span>

#include "io/file/byte_source.h"
#include "io/result.h"
#include "io/sound/sound_decoder.h"
#include "io/sound/sound_header.h"

namespace melmill {

// The samples of a coded file, held to what its header counts. Nothing is
// padded, trimmed or skipped: a file that gives another number of samples is an
// error. For one thread; the file must outlive it.
class CodedClip {
 public:
  // `header` comes from ReadSoundHeader, for the same file. First checks of the
  // rest of the file what its format allows without decoding
  // (CheckSoundFile). Errors: those of CheckSoundFile, kDecodeFailed, those of
  // ReadAt.
  static Result<CodedClip> Open(const SoundHeader& header,
                                const ByteSource& file);

  // The next samples (mono, at the file's own rate), as SoundDecoder::Next. All
  // of them together are header.num_samples. The detail of the errors
  // kDecodeFailed and kLyingSize is the number of samples that were decoded.
  Result<std::span<const float>> Next();

 private:
  CodedClip(const SoundHeader& header, std::unique_ptr<SoundDecoder> decoder)
      : num_samples_(header.num_samples), decoder_(std::move(decoder)) {}

  int64_t num_samples_;
  int64_t num_decoded_ = 0;
  std::unique_ptr<SoundDecoder> decoder_;
};

}  // namespace melmill

#endif  // MELMILL_IO_SOUND_CODED_CLIP_H_
