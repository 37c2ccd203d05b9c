#include "tests/fuzz/sound_fuzzing.h"

#include <malloc.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "io/sound/coded_clip.h"
#include "io/sound/sound_file.h"
#include "io/wav/plain_decoder.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/memory_source.h"

namespace melmill {
namespace {

// A header may count any number of samples; those beyond this are not decoded.
constexpr size_t kMaxSamples = size_t{1} << 20;

// What the C library's allocator fills new memory with. AddressSanitizer's
// allocator ignores it.
void FillNewMemory(unsigned char byte) { ::mallopt(M_PERTURB, byte); }

bool SameBits(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

struct Decoded {
  bool ok = false;
  ErrorCode code;
  std::vector<float> samples;
};

Decoded DecodeCoded(const SoundHeader& header, const MemorySource& file) {
  Decoded decoded;
  Result<CodedClip> clip = CodedClip::Open(header, file);
  if (!clip.ok()) {
    decoded.code = clip.error().code;
    return decoded;
  }
  while (decoded.samples.size() < kMaxSamples) {
    const Result<std::span<const float>> next = clip.value().Next();
    if (!next.ok()) {
      Require(next.error().code.is_reject(), "damage is a reject");
      decoded.code = next.error().code;
      return decoded;
    }
    Require(next.value().size() <= 65'536, "blocks are bounded");
    if (next.value().empty()) {
      Require(decoded.samples.size() == static_cast<size_t>(header.num_samples),
              "an accepted file has the samples of its header");
      decoded.ok = true;
      return decoded;
    }
    decoded.samples.insert(decoded.samples.end(), next.value().begin(),
                           next.value().end());
  }
  return decoded;
}

}  // namespace

void CheckHeader(const SoundHeader& header, const MemorySource& file) {
  const uint64_t num_bytes = file.size_bytes();
  Require(IsKnown(header.encoding), "the encoding is one of ours");
  Require(header.data_offset <= num_bytes &&
              header.data_bytes <= num_bytes - header.data_offset,
          "all samples are in the file");
  Require(header.sample_rate_hz >= kMinSampleRateHz &&
              header.sample_rate_hz <= kMaxSampleRateHz &&
              header.num_channels >= 1 &&
              header.num_channels <= kMaxNumChannels && header.num_samples >= 1,
          "rate, channels and samples are accepted ones");
  if (IsCoded(header.encoding)) {
    Require(header.data_offset == 0 && header.data_bytes == num_bytes,
            "coded sound is the whole file");
    return;
  }
  Require(static_cast<uint64_t>(header.num_samples) *
                  static_cast<uint64_t>(header.bytes_per_sample_group()) ==
              header.data_bytes,
          "the samples fill the data");
}

void FuzzSoundFile(std::span<const std::byte> bytes) {
  const MemorySource file({bytes.begin(), bytes.end()});
  const Result<SoundHeader> header = ReadSameHeader(
      file, {size_t{12}, kSoundPrefixBytes}, ReadSoundFile, ReadSoundHeader);
  if (!header.ok()) return;
  CheckHeader(header.value(), file);
  if (IsCoded(header.value().encoding)) {
    FillNewMemory(0x55);
    const Decoded once = DecodeCoded(header.value(), file);
    FillNewMemory(0xAA);
    const Decoded twice = DecodeCoded(header.value(), file);
    Require(once.ok == twice.ok && once.code == twice.code &&
                std::ranges::equal(once.samples, twice.samples, SameBits),
            "decoding again gives the same");
    return;
  }
  PlainDecoder decoder;
  Require(decoder.Start(header.value()).ok(),
          "what is accepted can be decoded");
  std::vector<float> mono(static_cast<size_t>(header.value().num_samples));
  Require(decoder
              .DecodeToMono(
                  bytes.subspan(static_cast<size_t>(header.value().data_offset),
                                static_cast<size_t>(header.value().data_bytes)),
                  mono)
              .ok(),
          "all samples can be decoded");
}

}  // namespace melmill
