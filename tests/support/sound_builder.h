#ifndef MELMILL_TESTS_SUPPORT_SOUND_BUILDER_H_
#define MELMILL_TESTS_SUPPORT_SOUND_BUILDER_H_

#include <sndfile.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/sound/sound_header.h"

namespace melmill {

// A file in memory that libsndfile writes and reads.
class SndfileMemory {
 public:
  SndfileMemory() = default;
  explicit SndfileMemory(std::vector<std::byte> bytes)
      : bytes_(std::move(bytes)) {}

  const std::vector<std::byte>& bytes() const { return bytes_; }

  SNDFILE* Open(int mode, SF_INFO* info) {
    SF_VIRTUAL_IO callbacks = {
        [](void* of) { return Of(of).size(); },
        [](sf_count_t offset, int whence, void* of) {
          SndfileMemory& file = Of(of);
          if (whence == SEEK_SET) file.position_ = offset;
          if (whence == SEEK_CUR) file.position_ += offset;
          if (whence == SEEK_END) file.position_ = file.size() + offset;
          return file.position_;
        },
        [](void* to, sf_count_t count, void* of) {
          SndfileMemory& file = Of(of);
          count = std::max<sf_count_t>(
              0, std::min(count, file.size() - file.position_));
          std::memcpy(to, file.bytes_.data() + file.position_,
                      static_cast<size_t>(count));
          file.position_ += count;
          return count;
        },
        [](const void* from, sf_count_t count, void* of) {
          SndfileMemory& file = Of(of);
          const auto end = static_cast<size_t>(file.position_ + count);
          file.bytes_.resize(std::max(file.bytes_.size(), end));
          std::memcpy(file.bytes_.data() + file.position_, from,
                      static_cast<size_t>(count));
          file.position_ += count;
          return count;
        },
        [](void* of) { return Of(of).position_; }};
    SNDFILE* file = sf_open_virtual(&callbacks, mode, info, this);
    if (file == nullptr) throw std::runtime_error(sf_strerror(nullptr));
    return file;
  }

 private:
  static SndfileMemory& Of(void* of) {
    return *static_cast<SndfileMemory*>(of);
  }
  sf_count_t size() const { return static_cast<sf_count_t>(bytes_.size()); }

  std::vector<std::byte> bytes_;
  sf_count_t position_ = 0;
};

inline int SndfileFormat(SampleEncoding encoding) {
  switch (encoding) {
    case SampleEncoding::kFlac:
      return SF_FORMAT_FLAC | SF_FORMAT_PCM_16;
    case SampleEncoding::kMp3:
      return SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III;
    case SampleEncoding::kVorbis:
      return SF_FORMAT_OGG | SF_FORMAT_VORBIS;
    case SampleEncoding::kOpus:
      return SF_FORMAT_OGG | SF_FORMAT_OPUS;
    default:
      throw std::runtime_error("not a coded format");
  }
}

// Has libsndfile write a file of any of its formats. The mode of MP3's bit rate
// is one of SF_BITRATE_MODE_*.
inline std::vector<std::byte> WriteBySndfile(int format,
                                             std::span<const float> interleaved,
                                             int sample_rate_hz,
                                             int num_channels,
                                             int bit_rate_mode = -1) {
  SndfileMemory memory;
  SF_INFO info = {};
  info.samplerate = sample_rate_hz;
  info.channels = num_channels;
  info.format = format;
  SNDFILE* file = memory.Open(SFM_WRITE, &info);
  // A size that depends on nothing keeps the Ogg pages small.
  double page_latency_ms = 200;
  sf_command(file, SFC_SET_OGG_PAGE_LATENCY_MS, &page_latency_ms,
             sizeof(page_latency_ms));
  if (bit_rate_mode >= 0) {
    sf_command(file, SFC_SET_BITRATE_MODE, &bit_rate_mode,
               sizeof(bit_rate_mode));
  }
  // In pieces: libvorbis takes memory on the stack for a whole write.
  constexpr size_t kPieceSamples = 10'000;
  const size_t step = kPieceSamples * static_cast<size_t>(num_channels);
  bool written = true;
  for (size_t i = 0; i < interleaved.size(); i += step) {
    const auto piece =
        interleaved.subspan(i, std::min(step, interleaved.size() - i));
    const auto count = static_cast<sf_count_t>(piece.size()) / num_channels;
    written = written && sf_writef_float(file, piece.data(), count) == count;
  }
  sf_close(file);
  if (!written) throw std::runtime_error("libsndfile did not write all");
  return memory.bytes();
}

inline std::vector<std::byte> EncodeSound(SampleEncoding encoding,
                                          std::span<const float> interleaved,
                                          int sample_rate_hz = 16000,
                                          int num_channels = 1) {
  return WriteBySndfile(SndfileFormat(encoding), interleaved, sample_rate_hz,
                        num_channels);
}

// All samples that libsndfile reads from a file, interleaved.
inline std::vector<float> ReadBySndfile(std::vector<std::byte> bytes) {
  SndfileMemory memory(std::move(bytes));
  SF_INFO info = {};
  SNDFILE* file = memory.Open(SFM_READ, &info);
  std::vector<float> samples(static_cast<size_t>(info.frames * info.channels));
  const sf_count_t num_read = sf_readf_float(file, samples.data(), info.frames);
  sf_close(file);
  samples.resize(static_cast<size_t>(num_read * info.channels));
  return samples;
}

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_SOUND_BUILDER_H_
