#include "io/wav/plain_decoder.h"

#include <cassert>
#include <utility>

#include "dsp/samples/pcm.h"

namespace melmill {
namespace {

std::optional<PcmType> CommonType(const SoundHeader& header) {
  if (header.big_endian || header.num_channels > 2) return std::nullopt;
  switch (header.encoding) {
    case SampleEncoding::kPcm16:
      return PcmType::kInt16;
    case SampleEncoding::kPcm24:
      return PcmType::kInt24;
    case SampleEncoding::kPcm32:
      return PcmType::kInt32;
    case SampleEncoding::kFloat32:
      return PcmType::kFloat32;
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<void> PlainDecoder::Start(const SoundHeader& header) {
  num_channels_ = header.num_channels;
  common_type_ = CommonType(header);
  sndfile_.reset();
  if (common_type_.has_value()) return {};
  Result<SndfileDecoder> created = SndfileDecoder::Create(header);
  if (!created.ok()) return created.error();
  sndfile_ = std::move(created).value();
  return {};
}

Result<void> PlainDecoder::DecodeToMono(std::span<const std::byte> block,
                                        std::span<float> mono) {
  if (common_type_.has_value()) {
    DecodePcmToMono(block, *common_type_, num_channels_, mono);
    return {};
  }
  assert(sndfile_.has_value());
  if (num_channels_ == 1) return sndfile_->Decode(block, mono);
  interleaved_.resize(mono.size() * static_cast<size_t>(num_channels_));
  const Result<void> decoded = sndfile_->Decode(block, interleaved_);
  if (decoded.ok()) DownmixToMono(interleaved_, num_channels_, mono);
  return decoded;
}

}  // namespace melmill
