#ifndef MELMILL_IO_SOUND_PLAIN_HEADER_H_
#define MELMILL_IO_SOUND_PLAIN_HEADER_H_

#include <cstdint>
#include <optional>

#include "io/result.h"
#include "io/sound/sound_header.h"

namespace melmill {

// What the header of a file of plain samples claims, where the samples are all
// that follows.
struct PlainClaim {
  SampleEncoding encoding = SampleEncoding::kPcm16;
  bool big_endian = false;
  double sample_rate_hz = 0;
  uint64_t num_channels = 0;
  uint64_t data_offset = 0;  // in the file or at its end
  std::optional<uint64_t> num_samples = std::nullopt;  // per channel
};

// The samples of every channel that are whole in this many bytes.
uint64_t SamplesIn(const PlainClaim& claim, uint64_t num_bytes);

// Compares the claim with the bytes from data_offset to `end`, where the file
// or the chunk with the samples ends. Errors:
// kBadSampleRate (also if it is no whole number), kBadChannels, kLengthUnknown,
// kNoSamples, kTruncated, and kLyingSize if at least one more sample of every
// channel follows.
Result<SoundHeader> CheckPlainClaim(const PlainClaim& claim, uint64_t end);

}  // namespace melmill

#endif  // MELMILL_IO_SOUND_PLAIN_HEADER_H_
