#include "io/wav/wav_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "io/wav/foreign_format.h"

namespace melmill {
namespace {

constexpr uint64_t kPlainFormatBytes = 16;
constexpr uint64_t kExtensibleFormatBytes = 40;

constexpr uint16_t kTagPcm = 1;
constexpr uint16_t kTagFloat = 3;
constexpr uint16_t kTagALaw = 6;
constexpr uint16_t kTagMuLaw = 7;
constexpr uint16_t kTagExtensible = 0xFFFE;

// The format tag in the first bytes of EXTENSIBLE's GUID, if the GUID is one of
// those made from tags: KSDATAFORMAT_SUBTYPE_*.
std::optional<uint16_t> TagOfGuid(const RiffFile& file,
                                  std::span<const std::byte, 16> guid) {
  static constexpr std::array<uint8_t, 14> kLittleEndian = {
      0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71};
  static constexpr std::array<uint8_t, 12> kBigEndian = {
      0, 0, 0, 0x10, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71};
  const auto equal = [](std::byte a, uint8_t b) { return a == std::byte{b}; };
  // In RIFX files, SoX swaps only the bytes of the tag.
  if (std::equal(guid.begin() + 2, guid.end(), kLittleEndian.begin(), equal)) {
    return static_cast<uint16_t>(file.Number(guid.first<2>()));
  }
  if (file.big_endian() && guid[0] == std::byte{0} && guid[1] == std::byte{0} &&
      std::equal(guid.begin() + 4, guid.end(), kBigEndian.begin(), equal)) {
    return static_cast<uint16_t>(file.Number(guid.subspan<2, 2>()));
  }
  return std::nullopt;
}

Result<SampleEncoding> EncodingOf(uint16_t tag, int bits) {
  struct Known {
    uint16_t tag;
    int bits;
    SampleEncoding encoding;
    std::string_view kind;
  };
  static constexpr Known kKnown[] = {
      {kTagPcm, 8, SampleEncoding::kPcmU8, "PCM"},
      {kTagPcm, 16, SampleEncoding::kPcm16, "PCM"},
      {kTagPcm, 24, SampleEncoding::kPcm24, "PCM"},
      {kTagPcm, 32, SampleEncoding::kPcm32, "PCM"},
      {kTagFloat, 32, SampleEncoding::kFloat32, "float"},
      {kTagFloat, 64, SampleEncoding::kFloat64, "float"},
      {kTagMuLaw, 8, SampleEncoding::kMuLaw, "mu-law"},
      {kTagALaw, 8, SampleEncoding::kALaw, "A-law"},
  };
  std::string_view kind;
  for (const Known& known : kKnown) {
    if (known.tag != tag) continue;
    if (known.bits == bits) return known.encoding;
    kind = known.kind;
  }
  if (kind.empty()) {
    return Error{RejectCode::kUnsupportedFormat, DescribeForeignCodec(tag)};
  }
  return Error{
      RejectCode::kUnsupportedFormat,
      fmt::format("holds {} samples of {} bits, which are not read; convert "
                  "it: ffmpeg -i in.wav -c:a pcm_s16le out.wav",
                  kind, bits)};
}

Result<uint16_t> TagOf(const RiffFile& file,
                       std::span<const std::byte> fields) {
  const auto tag = static_cast<uint16_t>(file.Number(fields.first(2)));
  if (tag != kTagExtensible) return tag;
  if (fields.size() < kExtensibleFormatBytes) {
    return Error{
        RejectCode::kBadHeader,
        fmt::format(
            "the fmt chunk has {} bytes; WAVE_FORMAT_EXTENSIBLE needs {}",
            fields.size(), kExtensibleFormatBytes)};
  }
  const std::optional<uint16_t> inner =
      TagOfGuid(file, fields.subspan<24, 16>());
  if (!inner) {
    return Error{RejectCode::kUnsupportedFormat,
                 "is WAVE_FORMAT_EXTENSIBLE with an unknown subformat; "
                 "convert it: ffmpeg -i in.wav -c:a pcm_s16le out.wav"};
  }
  return *inner;
}

Result<WavFormat> ParseFormat(const RiffFile& file,
                              std::span<const std::byte> fields) {
  const Result<uint16_t> tag = TagOf(file, fields);
  if (!tag.ok()) return tag.error();
  const auto num_channels = static_cast<int>(file.Number(fields.subspan(2, 2)));
  const auto rate = static_cast<int64_t>(file.Number(fields.subspan(4, 4)));
  const auto block_align = static_cast<int>(file.Number(fields.subspan(12, 2)));
  const auto bits = static_cast<int>(file.Number(fields.subspan(14, 2)));

  const Result<SampleEncoding> encoding = EncodingOf(tag.value(), bits);
  if (!encoding.ok()) return encoding.error();
  if (num_channels < 1 || num_channels > kMaxNumChannels) {
    return Error{RejectCode::kBadChannels,
                 fmt::format("has {} channels; 1 to {} are accepted",
                             num_channels, kMaxNumChannels)};
  }
  if (rate < kMinSampleRateHz || rate > kMaxSampleRateHz) {
    return Error{
        RejectCode::kBadSampleRate,
        fmt::format("has a sample rate of {} Hz; {} to {} are accepted", rate,
                    kMinSampleRateHz, kMaxSampleRateHz)};
  }
  const int group_bytes = num_channels * bits / 8;
  if (block_align != group_bytes) {
    return Error{
        RejectCode::kBadHeader,
        fmt::format("the fmt chunk says {} bytes per sample of all channels "
                    "(block align), but {} channels of {} bits make {}",
                    block_align, num_channels, bits, group_bytes)};
  }
  return WavFormat{encoding.value(), num_channels, static_cast<int>(rate)};
}

}  // namespace

Result<WavFormat> ReadWavFormat(const RiffFile& file, const RiffChunk& chunk) {
  if (chunk.claimed_bytes < kPlainFormatBytes) {
    return Error{RejectCode::kBadHeader,
                 fmt::format("the fmt chunk has {} bytes; it needs at least {}",
                             chunk.claimed_bytes, kPlainFormatBytes)};
  }
  std::array<std::byte, kExtensibleFormatBytes> bytes;
  const auto fields = std::span(bytes).first(
      std::min<uint64_t>(chunk.claimed_bytes, bytes.size()));
  if (Result<void> read = file.ReadAt(chunk.begin, fields); !read.ok()) {
    return read.error();
  }
  return ParseFormat(file, fields);
}

}  // namespace melmill
