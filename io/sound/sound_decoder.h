#ifndef MELMILL_IO_SOUND_SOUND_DECODER_H_
#define MELMILL_IO_SOUND_SOUND_DECODER_H_

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "dsp/samples/pcm.h"
#include "io/file/byte_source.h"
#include "io/result.h"
#include "io/sound/sound_header.h"

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

// Makes a decoder of this class, if its Open succeeds.
template <typename Decoder>
Result<std::unique_ptr<SoundDecoder>> OpenDecoder(const SoundHeader& header,
                                                  const ByteSource& file) {
  auto decoder = std::make_unique<Decoder>(header, file);
  const Result<void> opened = decoder->Open();
  if (!opened.ok()) return opened.error();
  return std::unique_ptr<SoundDecoder>(std::move(decoder));
}

// The mean of the channels: `interleaved` itself if there is one, otherwise in
// `mono`, which may grow.
inline std::span<const float> MeanOfChannels(std::span<const float> interleaved,
                                             int num_channels,
                                             std::vector<float>* mono) {
  if (num_channels == 1) return interleaved;
  const size_t count = interleaved.size() / static_cast<size_t>(num_channels);
  if (mono->size() < count) mono->resize(count);
  const auto mean = std::span(*mono).first(count);
  DownmixToMono(interleaved, num_channels, mean);
  return mean;
}

}  // namespace melmill

#endif  // MELMILL_IO_SOUND_SOUND_DECODER_H_
