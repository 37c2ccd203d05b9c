#include "io/container/au_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "io/sound/byte_field.h"
#include "io/sound/plain_header.h"

namespace melmill {
namespace {

constexpr uint64_t kUnknownSize = 0xFFFFFFFF;

std::optional<SampleEncoding> EncodingOf(uint64_t number) {
  switch (number) {
    case 1:
      return SampleEncoding::kMuLaw;
    case 2:
      return SampleEncoding::kPcmS8;
    case 3:
      return SampleEncoding::kPcm16;
    case 4:
      return SampleEncoding::kPcm24;
    case 5:
      return SampleEncoding::kPcm32;
    case 6:
      return SampleEncoding::kFloat32;
    case 7:
      return SampleEncoding::kFloat64;
    case 27:
      return SampleEncoding::kALaw;
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<SoundFile> ReadAuHeader(const ByteSource& file) {
  std::array<std::byte, 24> bytes;
  if (file.size_bytes() < bytes.size()) {
    return Error{RejectCode::kTruncated, "ends inside its header"};
  }
  const Result<void> read = file.ReadAt(0, bytes);
  if (!read.ok()) return read.error();
  const bool big_endian = BeginsWith(bytes, ".snd");
  const auto field = [&](size_t i) {
    const auto four = std::span(bytes).subspan(4 * i, 4);
    return big_endian ? BigEndian(four) : LittleEndian(four);
  };
  const std::optional<SampleEncoding> encoding = EncodingOf(field(3));
  if (!encoding) {
    return Error{RejectCode::kUnsupportedFormat,
                 fmt::format("holds Sun/NeXT samples of encoding {}, which are "
                             "not read; convert it: ffmpeg -i in.au out.flac",
                             field(3))};
  }
  PlainClaim claim;
  claim.encoding = *encoding;
  claim.big_endian = big_endian;
  claim.data_offset = field(1);
  claim.sample_rate_hz = static_cast<double>(field(4));
  claim.num_channels = field(5);
  if (claim.data_offset < bytes.size()) {
    return Error{RejectCode::kBadHeader, "its samples begin in its header"};
  }
  if (claim.data_offset > file.size_bytes()) {
    return Error{RejectCode::kTruncated, "ends inside its header"};
  }
  const bool is_open = field(2) == kUnknownSize;
  const uint64_t data_bytes =
      is_open ? file.size_bytes() - claim.data_offset : field(2);
  claim.num_samples = SamplesIn(claim, data_bytes);
  const Result<SoundHeader> header = CheckPlainClaim(claim, file.size_bytes());
  if (!header.ok()) return header.error();
  return SoundFile{header.value(),
                   is_open ? SoundOddity::kNoDataSize : SoundOddity::kNone};
}

}  // namespace melmill
