// Fuzzes a WAV file: the reading of its header, and the decoding of accepted
// files by our own code, compared with libsndfile.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dsp/samples/pcm.h"
#include "io/wav/plain_decoder.h"
#include "io/wav/sndfile_decoder.h"
#include "io/wav/wav_header.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/sound_fuzzing.h"
#include "tests/support/memory_source.h"

namespace melmill {
namespace {

std::vector<float> Downmix(const std::vector<float>& interleaved,
                           int num_channels) {
  std::vector<float> mono(interleaved.size() /
                          static_cast<size_t>(num_channels));
  DownmixToMono(interleaved, num_channels, mono);
  return mono;
}

// Decodes all samples at once with libsndfile.
std::vector<float> DecodeBySndfile(const SoundHeader& header,
                                   std::span<const std::byte> samples) {
  auto decoder = SndfileDecoder::Create(header);
  Require(decoder.ok(), "libsndfile takes what is accepted");
  std::vector<float> interleaved(static_cast<size_t>(header.num_samples) *
                                 static_cast<size_t>(header.num_channels));
  Require(decoder.value().Decode(samples, interleaved).ok(),
          "libsndfile decodes what is accepted");
  return header.num_channels == 1 ? interleaved
                                  : Downmix(interleaved, header.num_channels);
}

// Decodes in blocks of 1, 3, 9, 27, ... samples.
std::vector<float> DecodeInBlocks(const SoundHeader& header,
                                  std::span<const std::byte> samples) {
  PlainDecoder decoder;
  Require(decoder.Start(header).ok(), "what is accepted can be decoded");
  const auto group_bytes = static_cast<size_t>(header.bytes_per_sample_group());
  std::vector<float> mono(static_cast<size_t>(header.num_samples));
  size_t done = 0;
  for (size_t block = 1; done < mono.size(); block *= 3) {
    const size_t num_samples = std::min(block, mono.size() - done);
    const auto decoded = decoder.DecodeToMono(
        samples.subspan(done * group_bytes, num_samples * group_bytes),
        std::span(mono).subspan(done, num_samples));
    Require(decoded.ok(), "every block can be decoded");
    done += num_samples;
  }
  return mono;
}

// The payload of a NaN may differ.
bool SameBits(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

}  // namespace
}  // namespace melmill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace melmill;
  const InputLimits limits;
  const auto bytes = AsBytes(data, size);
  const MemorySource file({bytes.begin(), bytes.end()});
  const Result<SoundHeader> header = ReadSameHeader(
      file, {size_t{44}, kWavPrefixBytes}, ReadWavFile, ReadWavHeader);
  if (!header.ok()) return 0;
  CheckHeader(header.value(), file);
  const auto samples =
      bytes.subspan(static_cast<size_t>(header.value().data_offset),
                    static_cast<size_t>(header.value().data_bytes));
  const std::vector<float> ours = DecodeInBlocks(header.value(), samples);
  const std::vector<float> theirs = DecodeBySndfile(header.value(), samples);
  Require(std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                     SameBits),
          "both decoders give the same samples");
  return 0;
}
