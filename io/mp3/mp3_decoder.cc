#include "io/mp3/mp3_decoder.h"

#include <mpg123.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <vector>

#include "io/sound/callback_file.h"

namespace melmill {
namespace {

constexpr size_t kBlockSamples = 4096;

Error DecodeFailed(const char* message) {
  return {RejectCode::kDecodeFailed, message};
}

// Two frames without sound: MPEG-1, layer III, 48 kHz, stereo, 32 kbit/s, 96
// bytes each.
constexpr size_t kSilentFrameBytes = 96;
constexpr auto kSilence = [] {
  std::array<unsigned char, 2 * kSilentFrameBytes> bytes = {};
  for (size_t i = 0; i < bytes.size(); i += kSilentFrameBytes) {
    bytes[i] = 0xFF;
    bytes[i + 1] = 0xFB;
    bytes[i + 2] = 0x14;
  }
  return bytes;
}();

// A damaged frame can leave a value of the handle's spectrum unset, and
// libmpg123 uses what stood in its place. This sets all of them, so that the
// value is that of the frame before, and never one of fresh memory.
bool SetWholeSpectrum(mpg123_handle* handle) {
  if (mpg123_open_feed(handle) != MPG123_OK ||
      mpg123_feed(handle, kSilence.data(), kSilence.size()) != MPG123_OK) {
    return false;
  }
  std::array<float, 2 * 1152> samples;
  size_t num_bytes = 0;
  int status = MPG123_NEW_FORMAT;
  while (status == MPG123_NEW_FORMAT) {
    status =
        mpg123_read(handle, reinterpret_cast<unsigned char*>(samples.data()),
                    sizeof samples, &num_bytes);
  }
  return num_bytes > 0 && mpg123_close(handle) == MPG123_OK;
}

class Mp3Decoder : public SoundDecoder {
 public:
  Mp3Decoder(const SoundHeader& header, const ByteSource& file)
      : header_(header), file_(file) {}

  Result<void> Open();
  Result<std::span<const float>> Next() override;

 private:
  struct Deleter {
    void operator()(mpg123_handle* handle) const { mpg123_delete(handle); }
  };

  static ssize_t Read(void* file, void* to, size_t num_bytes) {
    return static_cast<CallbackFile*>(file)->Read(
        {static_cast<std::byte*>(to), num_bytes});
  }
  static off_t Seek(void* file, off_t offset, int whence) {
    return static_cast<CallbackFile*>(file)->Seek(offset, whence);
  }

  const SoundHeader header_;
  CallbackFile file_;
  std::unique_ptr<mpg123_handle, Deleter> handle_;
  bool is_done_ = false;
  std::vector<float> interleaved_;
  std::vector<float> mono_;
};

Result<void> Mp3Decoder::Open() {
  static const int initialized = mpg123_init();
  handle_.reset(initialized == MPG123_OK ? mpg123_new(nullptr, nullptr)
                                         : nullptr);
  mpg123_handle* handle = handle_.get();
  if (handle == nullptr ||
      mpg123_param(handle, MPG123_REMOVE_FLAGS, MPG123_AUTO_RESAMPLE, 0) !=
          MPG123_OK ||
      mpg123_param(handle, MPG123_ADD_FLAGS,
                   MPG123_FORCE_FLOAT | MPG123_GAPLESS |
                       MPG123_NO_FRANKENSTEIN | MPG123_QUIET |
                       MPG123_SKIP_ID3V2,
                   0) != MPG123_OK ||
      !SetWholeSpectrum(handle) ||
      mpg123_replace_reader_handle(handle, Read, Seek, nullptr) != MPG123_OK) {
    throw std::bad_alloc();
  }
  long rate_hz = 0;  // NOLINT: mpg123's type
  int num_channels = 0;
  int encoding = 0;
  const bool opened =
      mpg123_open_handle(handle, &file_) == MPG123_OK &&
      mpg123_getformat(handle, &rate_hz, &num_channels, &encoding) == MPG123_OK;
  const Result<void> read = file_.Outcome();
  if (!read.ok()) return read;
  if (!opened) return DecodeFailed("libmpg123 does not open it");
  if (rate_hz != header_.sample_rate_hz ||
      num_channels != header_.num_channels || encoding != MPG123_ENC_FLOAT_32) {
    return DecodeFailed("libmpg123 finds another format");
  }
  return {};
}

Result<std::span<const float>> Mp3Decoder::Next() {
  const auto num_channels = static_cast<size_t>(header_.num_channels);
  interleaved_.resize(kBlockSamples * num_channels);
  size_t num_bytes = 0;
  while (!is_done_ && num_bytes == 0) {
    const int status = mpg123_read(
        handle_.get(), reinterpret_cast<unsigned char*>(interleaved_.data()),
        interleaved_.size() * sizeof(float), &num_bytes);
    const Result<void> read = file_.Outcome();
    if (!read.ok()) return read.error();
    if (status != MPG123_OK && status != MPG123_DONE) {
      return DecodeFailed(mpg123_plain_strerror(status));
    }
    is_done_ = status == MPG123_DONE;
  }
  const size_t count = num_bytes / sizeof(float) / num_channels;
  return MeanOfChannels(
      std::span<const float>(interleaved_).first(count * num_channels),
      header_.num_channels, &mono_);
}

}  // namespace

Result<std::unique_ptr<SoundDecoder>> MakeMp3Decoder(const SoundHeader& header,
                                                     const ByteSource& file) {
  return OpenDecoder<Mp3Decoder>(header, file);
}

}  // namespace melmill
