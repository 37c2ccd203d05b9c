#include "io/sound/coded_clip.h"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "io/flac/flac_decoder.h"
#include "io/mp3/mp3_decoder.h"
#include "io/ogg/ogg_decoder.h"
#include "io/sound/sound_file.h"

namespace melmill {
namespace {

Result<std::unique_ptr<SoundDecoder>> MakeDecoder(const SoundHeader& header,
                                                  const ByteSource& file) {
  assert(IsCoded(header.encoding));
  switch (header.encoding) {
    case SampleEncoding::kFlac:
      return MakeFlacDecoder(header, file);
    case SampleEncoding::kMp3:
      return MakeMp3Decoder(header, file);
    default:
      return MakeOggDecoder(header, file);
  }
}

}  // namespace

Result<CodedClip> CodedClip::Open(const SoundHeader& header,
                                  const ByteSource& file) {
  const Result<void> checked = CheckSoundFile(header, file);
  if (!checked.ok()) return checked.error();
  Result<std::unique_ptr<SoundDecoder>> decoder = MakeDecoder(header, file);
  if (!decoder.ok()) return decoder.error();
  return CodedClip(header, std::move(decoder).value());
}

Result<std::span<const float>> CodedClip::Next() {
  Result<std::span<const float>> next = decoder_->Next();
  if (!next.ok()) {
    Error error = next.error();
    if (error.code == RejectCode::kDecodeFailed ||
        error.code == RejectCode::kLyingSize) {
      error.detail = num_decoded_;
    }
    return error;
  }
  num_decoded_ += static_cast<int64_t>(next.value().size());
  if (num_decoded_ > num_samples_) {
    return Error{
        RejectCode::kLyingSize,
        fmt::format("more than the {} samples of its header", num_samples_),
        num_decoded_};
  }
  if (next.value().empty() && num_decoded_ < num_samples_) {
    return Error{RejectCode::kDecodeFailed,
                 fmt::format("{} of {} samples", num_decoded_, num_samples_),
                 num_decoded_};
  }
  return next;
}

}  // namespace melmill
