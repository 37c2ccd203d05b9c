#include "io/flac/flac_decoder.h"

#include <FLAC/stream_decoder.h>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dsp/samples/pcm.h"
#include "io/flac/flac_header.h"
#include "io/sound/byte_field.h"
#include "io/sound/byte_window.h"
#include "io/sound/id3_tag.h"

namespace melmill {
namespace {

class FlacDecoder : public SoundDecoder {
 public:
  FlacDecoder(const SoundHeader& header, const ByteSource& file)
      : header_(header), file_(file) {}

  Result<void> Open();
  Result<std::span<const float>> Next() override;

 private:
  struct Deleter {
    void operator()(FLAC__StreamDecoder* decoder) const {
      FLAC__stream_decoder_delete(decoder);
    }
  };

  static FlacDecoder& Of(void* user_data) {
    return *static_cast<FlacDecoder*>(user_data);
  }
  static FLAC__StreamDecoderReadStatus Read(const FLAC__StreamDecoder*,
                                            FLAC__byte* to, size_t* num_bytes,
                                            void* user_data) {
    return Of(user_data).Read(to, num_bytes);
  }
  static FLAC__StreamDecoderTellStatus Tell(const FLAC__StreamDecoder*,
                                            FLAC__uint64* position,
                                            void* user_data) {
    *position = Of(user_data).position_;
    return FLAC__STREAM_DECODER_TELL_STATUS_OK;
  }
  static FLAC__StreamDecoderWriteStatus Write(
      const FLAC__StreamDecoder*, const FLAC__Frame* frame,
      const FLAC__int32* const channels[], void* user_data) {
    return Of(user_data).Write(*frame, channels);
  }
  static void Fail(const FLAC__StreamDecoder*, FLAC__StreamDecoderErrorStatus,
                   void* user_data) {
    Of(user_data).failed_ = true;
  }

  FLAC__StreamDecoderReadStatus Read(FLAC__byte* to, size_t* num_bytes);
  FLAC__StreamDecoderWriteStatus Write(const FLAC__Frame& frame,
                                       const FLAC__int32* const channels[]);
  void Convert(const FLAC__int32* const channels[], size_t num_samples);
  Result<std::span<const float>> Finish();

  const SoundHeader header_;
  const ByteSource& file_;
  std::unique_ptr<FLAC__StreamDecoder, Deleter> decoder_;
  int bits_per_sample_ = 0;
  uint64_t position_ = 0;  // of the next byte that libFLAC gets
  int64_t num_decoded_ = 0;
  size_t num_new_ = 0;  // samples at the start of mono_
  std::vector<float> mono_;
  std::vector<float> interleaved_;
  bool failed_ = false;
  std::optional<Error> read_error_;
  std::exception_ptr exception_;
};

// Whether a block of metadata is too short for its kind, which libFLAC reports
// as a lack of memory: an application block, or a seek table without points
// behind another seek table. `begin` is the place of "fLaC".
Result<bool> HasShortBlock(const ByteSource& file, uint64_t begin) {
  constexpr size_t kBlockHeadBytes = 4;
  constexpr std::byte kLast{0x80};
  constexpr std::byte kApplication{2};
  constexpr uint64_t kMinApplicationBytes = 4;
  constexpr std::byte kSeekTable{3};
  constexpr uint64_t kSeekPointBytes = 18;
  ByteWindow window(file, ByteWindow::kHeadBytes);
  uint64_t offset = begin + std::string_view("fLaC").size();
  bool has_seek_table = false;
  while (offset <= file.size_bytes()) {
    const auto head = window.At(offset, kBlockHeadBytes);
    if (!head.ok()) return head.error();
    if (head.value().size() < kBlockHeadBytes) return false;
    const std::byte kind = head.value()[0] & ~kLast;
    const uint64_t num_bytes = BigEndian(head.value().subspan(1));
    if (kind == kApplication && num_bytes < kMinApplicationBytes) return true;
    if (kind == kSeekTable) {
      if (has_seek_table && num_bytes < kSeekPointBytes) return true;
      has_seek_table = true;
    }
    if ((head.value()[0] & kLast) != std::byte{0}) return false;
    offset += kBlockHeadBytes + num_bytes;
  }
  return false;
}

Result<void> FlacDecoder::Open() {
  const Result<uint64_t> begin = EndOfId3Tags(file_);
  if (!begin.ok()) return begin.error();
  const Result<int> bits = ReadFlacBitsPerSample(file_, begin.value());
  if (!bits.ok()) return bits.error();
  const Result<bool> is_short = HasShortBlock(file_, begin.value());
  if (!is_short.ok()) return is_short.error();
  if (is_short.value()) {
    return Error{RejectCode::kDecodeFailed, "a block of metadata is too short"};
  }
  bits_per_sample_ = bits.value();
  position_ = begin.value();
  decoder_.reset(FLAC__stream_decoder_new());
  if (decoder_ == nullptr) throw std::bad_alloc();
  const FLAC__StreamDecoderInitStatus status = FLAC__stream_decoder_init_stream(
      decoder_.get(), Read, /*seek=*/nullptr, Tell, /*length=*/nullptr,
      /*eof=*/nullptr, Write, /*metadata=*/nullptr, Fail, this);
  if (status != FLAC__STREAM_DECODER_INIT_STATUS_OK) throw std::bad_alloc();
  return {};
}

FLAC__StreamDecoderReadStatus FlacDecoder::Read(FLAC__byte* to,
                                                size_t* num_bytes) {
  // A damaged file is not searched for the next FLAC frame.
  if (failed_) return FLAC__STREAM_DECODER_READ_STATUS_ABORT;
  const uint64_t num_left = file_.size_bytes() - position_;
  *num_bytes = static_cast<size_t>(std::min<uint64_t>(*num_bytes, num_left));
  if (*num_bytes == 0) return FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM;
  try {
    const Result<void> read = file_.ReadAt(
        position_, std::as_writable_bytes(std::span(to, *num_bytes)));
    if (!read.ok()) {
      read_error_ = read.error();
      return FLAC__STREAM_DECODER_READ_STATUS_ABORT;
    }
  } catch (...) {
    exception_ = std::current_exception();
    return FLAC__STREAM_DECODER_READ_STATUS_ABORT;
  }
  position_ += *num_bytes;
  return FLAC__STREAM_DECODER_READ_STATUS_CONTINUE;
}

FLAC__StreamDecoderWriteStatus FlacDecoder::Write(
    const FLAC__Frame& frame, const FLAC__int32* const channels[]) {
  // A FLAC frame may contradict STREAMINFO, which counts.
  if (static_cast<int>(frame.header.channels) != header_.num_channels ||
      static_cast<int>(frame.header.sample_rate) != header_.sample_rate_hz ||
      static_cast<int>(frame.header.bits_per_sample) != bits_per_sample_ ||
      failed_) {
    failed_ = true;
    return FLAC__STREAM_DECODER_WRITE_STATUS_ABORT;
  }
  try {
    Convert(channels, frame.header.blocksize);
  } catch (...) {
    exception_ = std::current_exception();
    return FLAC__STREAM_DECODER_WRITE_STATUS_ABORT;
  }
  return FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE;
}

void FlacDecoder::Convert(const FLAC__int32* const channels[],
                          size_t num_samples) {
  const float scale = 1.0f / static_cast<float>(1 << (bits_per_sample_ - 1));
  const auto num_channels = static_cast<size_t>(header_.num_channels);
  if (mono_.size() < num_samples) mono_.resize(num_samples);
  num_new_ = num_samples;
  const std::span<float> mono = std::span(mono_).first(num_samples);
  if (num_channels == 1) {
    for (size_t i = 0; i < num_samples; ++i) {
      mono[i] = static_cast<float>(channels[0][i]) * scale;
    }
    return;
  }
  interleaved_.resize(num_samples * num_channels);
  for (size_t c = 0; c < num_channels; ++c) {
    const FLAC__int32* from = channels[c];
    float* to = interleaved_.data() + c;
    for (size_t i = 0; i < num_samples; ++i) {
      to[i * num_channels] = static_cast<float>(from[i]) * scale;
    }
  }
  DownmixToMono(interleaved_, header_.num_channels, mono);
}

// Judges what lies behind the last sample.
Result<std::span<const float>> FlacDecoder::Finish() {
  FLAC__uint64 end = 0;
  if (FLAC__stream_decoder_get_decode_position(decoder_.get(), &end) &&
      end <= file_.size_bytes()) {
    const Result<void> checked = CheckFlacTail(file_, end);
    if (!checked.ok()) return checked.error();
  }
  return std::span<const float>();
}

Result<std::span<const float>> FlacDecoder::Next() {
  num_new_ = 0;
  // Some versions of libFLAC go on behind the last sample that counts.
  if (num_decoded_ >= header_.num_samples) return Finish();
  while (num_new_ == 0) {
    const bool done = FLAC__stream_decoder_process_single(decoder_.get());
    if (exception_ != nullptr) std::rethrow_exception(exception_);
    if (read_error_) return *read_error_;
    if (failed_) {
      return Error{RejectCode::kDecodeFailed, "libFLAC finds damage"};
    }
    const FLAC__StreamDecoderState state =
        FLAC__stream_decoder_get_state(decoder_.get());
    if (state == FLAC__STREAM_DECODER_MEMORY_ALLOCATION_ERROR) {
      throw std::bad_alloc();
    }
    if (num_new_ > 0) break;
    if (state == FLAC__STREAM_DECODER_END_OF_STREAM) {
      return std::span<const float>();
    }
    if (!done) return Error{RejectCode::kDecodeFailed, "libFLAC fails"};
  }
  num_decoded_ += static_cast<int64_t>(num_new_);
  return std::span<const float>(mono_).first(num_new_);
}

}  // namespace

Result<std::unique_ptr<SoundDecoder>> MakeFlacDecoder(const SoundHeader& header,
                                                      const ByteSource& file) {
  return OpenDecoder<FlacDecoder>(header, file);
}

}  // namespace melmill
