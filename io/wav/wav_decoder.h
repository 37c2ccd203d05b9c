#ifndef MELMILL_IO_WAV_WAV_DECODER_H_
#define MELMILL_IO_WAV_WAV_DECODER_H_

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "dsp/samples/pcm_decode.h"
#include "io/result.h"
#include "io/wav/sndfile_decoder.h"
#include "io/wav/wav_header.h"

namespace melmill {

// Turns the bytes of a WAV's data chunk into one channel of floats: those of
// libsndfile, then the mean of the channels (DownmixToMono). The common types,
// little-endian PCM of 16, 24 and 32 bits and float32 in one or two channels,
// are decoded here to the same bits, apart from the payloads of NaNs;
// libsndfile is opened for the others only.
//
// One object decodes one file at a time on one thread, and any number of files
// in turn; those of the common types without allocating anything.
class WavDecoder {
 public:
  // Begins a file; `header` as ReadWavHeader gave it. Errors: kDecodeFailed,
  // after which another Start must come first.
  Result<void> Start(const WavHeader& header);

  // Decodes the next block of the data chunk: whole sample groups (one sample
  // of every channel), in file order and no more than the header tells of.
  // `mono` holds one sample for each group. Errors: kDecodeFailed.
  Result<void> DecodeToMono(std::span<const std::byte> block,
                            std::span<float> mono);

 private:
  int num_channels_ = 0;
  std::optional<PcmType> common_type_;
  std::optional<SndfileDecoder> sndfile_;  // for what is not of a common type
  std::vector<float> interleaved_;
};

}  // namespace melmill

#endif  // MELMILL_IO_WAV_WAV_DECODER_H_
