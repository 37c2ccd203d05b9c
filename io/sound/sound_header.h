#ifndef MELMILL_IO_SOUND_SOUND_HEADER_H_
#define MELMILL_IO_SOUND_SOUND_HEADER_H_

#include <cstdint>
#include <string_view>

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

// What the header of a sound file says, checked against the bytes that exist.
struct SoundHeader {
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

  friend bool operator==(const SoundHeader&, const SoundHeader&) = default;
};

}  // namespace melmill

#endif  // MELMILL_IO_SOUND_SOUND_HEADER_H_
