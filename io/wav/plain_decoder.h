#ifndef MELMILL_IO_WAV_PLAIN_DECODER_H_
#define MELMILL_IO_WAV_PLAIN_DECODER_H_

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "dsp/samples/pcm_decode.h"
#include "io/result.h"
#include "io/wav/sndfile_decoder.h"
#include "io/wav/wav_header.h"

namespace melmill {

// Decodes the bytes of plain samples, in whatever container, to one channel of
// floats: libsndfile's values, then the mean of the channels (DownmixToMono).
// The common types are little-endian PCM of 16, 24 and 32 bits and float32 in
// one or two channels. They are decoded here, to the same bits apart from the
// payloads of NaNs; libsndfile is used only for the other types.
//
// One object decodes one file at a time on one thread, and any number of files
// in turn. It allocates nothing for files of the common types.
class PlainDecoder {
 public:
  // Begins a file. `header` comes from ReadSoundHeader, or from one of the
  // readers behind it, and its encoding is not coded. Error: kDecodeFailed;
  // after it, Start must come next.
  Result<void> Start(const SoundHeader& header);

  // Decodes the next block of samples: whole sample groups (one sample of every
  // channel), in file order and no more than the header says. `mono`
  // has room for one sample for each group. Error: kDecodeFailed.
  Result<void> DecodeToMono(std::span<const std::byte> block,
                            std::span<float> mono);

 private:
  int num_channels_ = 0;
  std::optional<PcmType> common_type_;
  std::optional<SndfileDecoder> sndfile_;  // only for files of other types
  std::vector<float> interleaved_;
};

}  // namespace melmill

#endif  // MELMILL_IO_WAV_PLAIN_DECODER_H_
