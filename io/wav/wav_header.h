#ifndef MELMILL_IO_WAV_WAV_HEADER_H_
#define MELMILL_IO_WAV_WAV_HEADER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "io/file/byte_source.h"
#include "io/result.h"

namespace melmill {

// The sample encodings that melmill accepts, plain or as
// WAVE_FORMAT_EXTENSIBLE. The numbers are stored in plans: never change one.
enum class SampleEncoding : uint8_t {
  kPcmU8 = 1,
  kPcm16 = 2,
  kPcm24 = 3,
  kPcm32 = 4,
  kFloat32 = 5,
  kFloat64 = 6,
  kMuLaw = 7,
  kALaw = 8,
};

int BytesPerSample(SampleEncoding encoding);
std::string_view SampleEncodingName(SampleEncoding encoding);  // "PCM 16 bit"

inline constexpr int kMinSampleRateHz = 1'000;
inline constexpr int kMaxSampleRateHz = 768'000;
inline constexpr int kMaxNumChannels = 64;

// A WAV file's header, checked against the bytes that exist.
struct WavHeader {
  SampleEncoding encoding = SampleEncoding::kPcm16;
  bool big_endian = false;  // RIFX
  int sample_rate_hz = 0;
  int num_channels = 0;
  uint64_t data_offset = 0;  // offset of the first sample in the file
  uint64_t data_bytes = 0;   // whole sample groups only; all are in the file
  int64_t num_samples = 0;   // per channel; at least 1

  int bytes_per_sample_group() const {  // one sample of every channel
    return BytesPerSample(encoding) * num_channels;
  }

  friend bool operator==(const WavHeader&, const WavHeader&) = default;
};

// A writer's mistake that is understood nevertheless. A file has at most one:
// if the samples reach to the end of the file, nothing can follow them.
enum class WavOddity : uint8_t {
  kNone,
  kNoDataSize,          // placeholder or 0; samples to the end of the file
  kFileSizeAsDataSize,  // samples to the end of the file
  kBytesBehindData,     // they are no chunk; ignored
  kCutBehindData,       // a chunk after the data is cut off; ignored
};

struct WavFile {
  WavHeader header;
  WavOddity oddity = WavOddity::kNone;
};

// The number of bytes from the start of a file that hold nearly every header,
// including Broadcast WAV with its 602 bytes of text. A longer header costs
// more reads, of pages that are in memory by then.
inline constexpr size_t kWavPrefixBytes = 1024;

// Reads the chunks of a RIFF, RIFX or RF64 file up to its first `data` chunk,
// counts the samples that exist, and checks what follows them. Allocates
// nothing by sizes that the file claims. `prefix` holds the first bytes of
// `file` (any number of them); the others are read from `file`. Errors: the
// codes of stage "header" (docs/input.md lists what is accepted), and those of
// ReadAt.
Result<WavFile> ReadWavFile(std::span<const std::byte> prefix,
                            const ByteSource& file);

// Does the same without checking what follows the data, which does not change
// the header. For files that were accepted before.
Result<WavHeader> ReadWavHeader(std::span<const std::byte> prefix,
                                const ByteSource& file);

}  // namespace melmill

#endif  // MELMILL_IO_WAV_WAV_HEADER_H_
