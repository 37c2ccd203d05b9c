#ifndef MELMILL_IO_SOUND_SOUND_HEADER_H_
#define MELMILL_IO_SOUND_SOUND_HEADER_H_

#include <cstdint>
#include <string_view>

namespace melmill {

// How the samples of a file are encoded. The numbers are stored in plans: never
// change one.
enum class SampleEncoding : uint8_t {
  // Plain samples, one after the other, in any container.
  kPcmU8 = 1,
  kPcm16 = 2,
  kPcm24 = 3,
  kPcm32 = 4,
  kFloat32 = 5,
  kFloat64 = 6,
  kMuLaw = 7,
  kALaw = 8,
  kPcmS8 = 9,  // not in WAV
  // Coded sound.
  kFlac = 16,
  kMp3 = 17,
  kVorbis = 18,
  kOpus = 19,
};

inline constexpr SampleEncoding kCodedEncodings[] = {
    SampleEncoding::kFlac, SampleEncoding::kMp3, SampleEncoding::kVorbis,
    SampleEncoding::kOpus};

constexpr bool IsCoded(SampleEncoding encoding) {
  return encoding >= SampleEncoding::kFlac;
}
// Whether this is one of the encodings above. A damaged plan may have others.
bool IsKnown(SampleEncoding encoding);
int BytesPerSample(SampleEncoding encoding);  // of plain samples only
std::string_view SampleEncodingName(SampleEncoding encoding);  // "PCM 16 bit"

inline constexpr int kMinSampleRateHz = 1'000;
inline constexpr int kMaxSampleRateHz = 768'000;
inline constexpr int kMaxNumChannels = 64;

// What the header of a sound file says, checked against the bytes that exist.
struct SoundHeader {
  SampleEncoding encoding = SampleEncoding::kPcm16;
  bool big_endian = false;
  int sample_rate_hz = 0;  // of Opus: the rate that libsndfile decodes at
  int num_channels = 0;
  // The bytes that make the samples. Plain samples: whole groups (one sample of
  // every channel), all in the file. Coded sound: the whole file.
  uint64_t data_offset = 0;
  uint64_t data_bytes = 0;
  int64_t num_samples = 0;  // per channel; at least 1

  int bytes_per_sample_group() const {  // of plain samples only
    return BytesPerSample(encoding) * num_channels;
  }

  friend bool operator==(const SoundHeader&, const SoundHeader&) = default;
};

// What is unusual in a file that is understood nevertheless. A file has at most
// one: if the samples reach to the end of the file, nothing can follow them.
enum class SoundOddity : uint8_t {
  kNone,
  kNoDataSize,          // placeholder or 0; samples to the end of the file
  kFileSizeAsDataSize,  // samples to the end of the file
  kBytesBehindData,     // they are no chunk; ignored
  kCutBehindData,       // a chunk after the data is cut off; ignored
  kNoFrameCount,        // an MP3 without a tag that counts its frames
};

// A sound file as its header and, where they count, its last bytes tell.
struct SoundFile {
  SoundHeader header;
  SoundOddity oddity = SoundOddity::kNone;
};

}  // namespace melmill

#endif  // MELMILL_IO_SOUND_SOUND_HEADER_H_
