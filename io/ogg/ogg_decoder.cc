#include "io/ogg/ogg_decoder.h"

#include <sndfile.h>

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "io/sound/callback_file.h"

namespace melmill {
namespace {

constexpr size_t kBlockSamples = 4096;

int FormatOf(SampleEncoding encoding) {
  return SF_FORMAT_OGG | (encoding == SampleEncoding::kOpus ? SF_FORMAT_OPUS
                                                            : SF_FORMAT_VORBIS);
}

Error DecodeFailed(const char* message) {
  return {RejectCode::kDecodeFailed, message};
}

class OggDecoder : public SoundDecoder {
 public:
  OggDecoder(const SoundHeader& header, const ByteSource& file)
      : header_(header), file_(file) {}
  ~OggDecoder() override {
    if (sndfile_ != nullptr) sf_close(sndfile_);
  }
  OggDecoder(const OggDecoder&) = delete;
  OggDecoder& operator=(const OggDecoder&) = delete;

  Result<void> Open();
  Result<std::span<const float>> Next() override;

 private:
  static CallbackFile& Of(void* user_data) {
    return *static_cast<CallbackFile*>(user_data);
  }
  static sf_count_t Length(void* user_data) {
    return Of(user_data).size_bytes();
  }
  static sf_count_t Seek(sf_count_t offset, int whence, void* user_data) {
    return Of(user_data).Seek(offset, whence);
  }
  static sf_count_t Read(void* to, sf_count_t num_bytes, void* user_data) {
    if (num_bytes <= 0) return 0;
    return Of(user_data).Read(
        {static_cast<std::byte*>(to), static_cast<size_t>(num_bytes)});
  }
  static sf_count_t Write(const void*, sf_count_t, void*) { return 0; }
  static sf_count_t Tell(void* user_data) { return Of(user_data).position(); }

  const SoundHeader header_;
  CallbackFile file_;
  SNDFILE* sndfile_ = nullptr;
  std::vector<float> interleaved_;
  std::vector<float> mono_;
};

Result<void> OggDecoder::Open() {
  SF_VIRTUAL_IO callbacks = {Length, Seek, Read, Write, Tell};
  SF_INFO info = {};
  sndfile_ = sf_open_virtual(&callbacks, SFM_READ, &info, &file_);
  const Result<void> read = file_.Outcome();
  if (!read.ok()) return read;
  if (sndfile_ == nullptr) return DecodeFailed("libsndfile does not open it");
  if ((info.format & (SF_FORMAT_TYPEMASK | SF_FORMAT_SUBMASK)) !=
          FormatOf(header_.encoding) ||
      info.samplerate != header_.sample_rate_hz ||
      info.channels != header_.num_channels) {
    return DecodeFailed("libsndfile finds another format");
  }
  return {};
}

Result<std::span<const float>> OggDecoder::Next() {
  const auto num_channels = static_cast<size_t>(header_.num_channels);
  interleaved_.resize(kBlockSamples * num_channels);
  const sf_count_t num_read =
      sf_readf_float(sndfile_, interleaved_.data(), kBlockSamples);
  const Result<void> read = file_.Outcome();
  if (!read.ok()) return read.error();
  if (sf_error(sndfile_) != SF_ERR_NO_ERROR || num_read < 0) {
    return DecodeFailed("libsndfile finds damage");
  }
  const auto count = static_cast<size_t>(num_read);
  return MeanOfChannels(
      std::span<const float>(interleaved_).first(count * num_channels),
      header_.num_channels, &mono_);
}

}  // namespace

Result<std::unique_ptr<SoundDecoder>> MakeOggDecoder(const SoundHeader& header,
                                                     const ByteSource& file) {
  return OpenDecoder<OggDecoder>(header, file);
}

}  // namespace melmill
