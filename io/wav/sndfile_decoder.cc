#include "io/wav/sndfile_decoder.h"

#include <sndfile.h>

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <utility>

namespace melmill {
namespace {

int SubtypeOf(SampleEncoding encoding) {
  switch (encoding) {
    case SampleEncoding::kPcmU8:
      return SF_FORMAT_PCM_U8;
    case SampleEncoding::kPcm16:
      return SF_FORMAT_PCM_16;
    case SampleEncoding::kPcm24:
      return SF_FORMAT_PCM_24;
    case SampleEncoding::kPcm32:
      return SF_FORMAT_PCM_32;
    case SampleEncoding::kFloat32:
      return SF_FORMAT_FLOAT;
    case SampleEncoding::kFloat64:
      return SF_FORMAT_DOUBLE;
    case SampleEncoding::kMuLaw:
      return SF_FORMAT_ULAW;
    case SampleEncoding::kALaw:
      return SF_FORMAT_ALAW;
    case SampleEncoding::kPcmS8:
      return SF_FORMAT_PCM_S8;
    case SampleEncoding::kFlac:
    case SampleEncoding::kMp3:
    case SampleEncoding::kVorbis:
    case SampleEncoding::kOpus:
      break;
  }
  assert(false);  // coded sound has its own decoders
  return 0;
}

Error DecodeError(const SoundHeader& header) {
  return {RejectCode::kDecodeFailed,
          "libsndfile fails to decode its samples (" +
              std::string(SampleEncodingName(header.encoding)) + ")"};
}

}  // namespace

// Presents the data chunk to libsndfile as a file of raw samples, of which only
// the current block can be read.
class SndfileDecoder::Impl {
 public:
  explicit Impl(const SoundHeader& header) : header_(header) {}
  ~Impl() {
    if (file_ != nullptr) sf_close(file_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> Open() {
    SF_VIRTUAL_IO callbacks = {Length, Seek, Read, Write, Tell};
    SF_INFO info = {};
    info.samplerate = header_.sample_rate_hz;
    info.channels = header_.num_channels;
    info.format = SF_FORMAT_RAW | SubtypeOf(header_.encoding) |
                  (header_.big_endian ? SF_ENDIAN_BIG : SF_ENDIAN_LITTLE);
    // sf_strerror is no help: without a file it reads a variable shared by all
    // threads.
    file_ = sf_open_virtual(&callbacks, SFM_READ, &info, this);
    // It refuses no headerless samples in an encoding it knows, so memory ran
    // out.
    if (file_ == nullptr) throw std::bad_alloc();
    if (info.frames != header_.num_samples) return DecodeError(header_);
    return {};
  }

  Result<void> Decode(std::span<const std::byte> block,
                      std::span<float> interleaved) {
    const auto group_bytes =
        static_cast<size_t>(header_.bytes_per_sample_group());
    assert(block.size() % group_bytes == 0);
    assert(interleaved.size() * BytesPerSample(header_.encoding) ==
           block.size());
    block_ = block;
    const auto num_samples =
        static_cast<sf_count_t>(block.size() / group_bytes);
    const sf_count_t num_read =
        sf_readf_float(file_, interleaved.data(), num_samples);
    block_ = {};
    block_begin_ += block.size();
    if (num_read != num_samples || strayed_) return DecodeError(header_);
    return {};
  }

 private:
  static Impl& Of(void* user_data) { return *static_cast<Impl*>(user_data); }

  static sf_count_t Length(void* user_data) {
    return static_cast<sf_count_t>(Of(user_data).header_.data_bytes);
  }

  static sf_count_t Seek(sf_count_t offset, int whence, void* user_data) {
    sf_count_t& position = Of(user_data).position_;
    if (whence == SEEK_SET) position = offset;
    if (whence == SEEK_CUR) position += offset;
    if (whence == SEEK_END) position = Length(user_data) + offset;
    return position;
  }

  static sf_count_t Read(void* to, sf_count_t num_bytes, void* user_data) {
    Impl& impl = Of(user_data);
    const auto size = static_cast<uint64_t>(num_bytes);
    const uint64_t begin = static_cast<uint64_t>(impl.position_) -
                           impl.block_begin_;  // huge when before the block
    if (begin > impl.block_.size() || size > impl.block_.size() - begin) {
      // This never happens with headerless samples. Any other bytes would be
      // wrong audio.
      impl.strayed_ = true;
      return 0;
    }
    std::memcpy(to, impl.block_.data() + begin, size);
    impl.position_ += num_bytes;
    return num_bytes;
  }

  static sf_count_t Write(const void*, sf_count_t, void*) { return 0; }
  static sf_count_t Tell(void* user_data) { return Of(user_data).position_; }

  SoundHeader header_;
  SNDFILE* file_ = nullptr;
  std::span<const std::byte> block_;
  uint64_t block_begin_ = 0;  // in the data chunk
  sf_count_t position_ = 0;   // in the data chunk
  bool strayed_ = false;
};

Result<SndfileDecoder> SndfileDecoder::Create(const SoundHeader& header) {
  auto impl = std::make_unique<Impl>(header);
  const Result<void> opened = impl->Open();
  if (!opened.ok()) return opened.error();
  return SndfileDecoder(std::move(impl));
}

SndfileDecoder::SndfileDecoder(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
SndfileDecoder::~SndfileDecoder() = default;
SndfileDecoder::SndfileDecoder(SndfileDecoder&&) noexcept = default;
SndfileDecoder& SndfileDecoder::operator=(SndfileDecoder&&) noexcept = default;

Result<void> SndfileDecoder::Decode(std::span<const std::byte> block,
                                    std::span<float> interleaved) {
  return impl_->Decode(block, interleaved);
}

}  // namespace melmill
