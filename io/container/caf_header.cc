#include "io/container/caf_header.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <optional>
#include <span>

#include "io/sound/byte_field.h"
#include "io/sound/plain_header.h"

namespace melmill {
namespace {

constexpr uint64_t kFileHeaderBytes = 8;
constexpr uint64_t kChunkHeaderBytes = 12;
constexpr uint64_t kEditCountBytes = 4;
constexpr uint64_t kSizeToTheEnd = ~uint64_t{0};
constexpr int kMaxNumChunks = 1000;

using Description = std::array<std::byte, 32>;

std::optional<SampleEncoding> PlainEncoding(uint64_t bits, bool is_float) {
  switch (bits) {
    case 8:
      return is_float ? std::nullopt : std::optional(SampleEncoding::kPcmS8);
    case 16:
      return is_float ? std::nullopt : std::optional(SampleEncoding::kPcm16);
    case 24:
      return is_float ? std::nullopt : std::optional(SampleEncoding::kPcm24);
    case 32:
      return is_float ? SampleEncoding::kFloat32 : SampleEncoding::kPcm32;
    case 64:
      return is_float ? std::optional(SampleEncoding::kFloat64) : std::nullopt;
    default:
      return std::nullopt;
  }
}

Result<PlainClaim> ClaimOf(const Description& description) {
  const std::span bytes(description);
  const auto field = [&](size_t offset) {
    return BigEndian(bytes.subspan(offset, 4));
  };
  const auto format = bytes.subspan(8, 4);
  const uint64_t flags = field(12);
  const uint64_t bytes_per_packet = field(16);
  const uint64_t bits = field(28);
  PlainClaim claim;
  claim.sample_rate_hz = std::bit_cast<double>(BigEndian(bytes.first(8)));
  claim.num_channels = field(24);
  std::optional<SampleEncoding> encoding;
  if (BeginsWith(format, "lpcm")) {
    encoding = PlainEncoding(bits, (flags & 1) != 0);
    claim.big_endian = (flags & 2) == 0;
  } else if (BeginsWith(format, "ulaw")) {
    encoding = SampleEncoding::kMuLaw;
  } else if (BeginsWith(format, "alaw")) {
    encoding = SampleEncoding::kALaw;
  }
  if (!encoding) {
    return Error{RejectCode::kUnsupportedFormat,
                 "holds CAF samples that are not plain, which are not read; "
                 "convert it: ffmpeg -i in.caf out.flac"};
  }
  claim.encoding = *encoding;
  if (bytes_per_packet != claim.num_channels * static_cast<uint64_t>(
                                                   BytesPerSample(*encoding)) ||
      field(20) != 1) {
    return Error{RejectCode::kBadHeader,
                 "its packets are not one sample of every channel"};
  }
  return claim;
}

}  // namespace

Result<SoundFile> ReadCafHeader(const ByteSource& file) {
  std::optional<PlainClaim> claim;
  uint64_t offset = kFileHeaderBytes;
  for (int i = 0; i < kMaxNumChunks; ++i) {
    std::array<std::byte, kChunkHeaderBytes> head;
    if (offset == file.size_bytes()) {
      return Error{RejectCode::kNoSamples, "has no data chunk"};
    }
    if (offset > file.size_bytes() ||
        file.size_bytes() - offset < head.size()) {
      return Error{RejectCode::kTruncated, "ends inside its header"};
    }
    Result<void> read = file.ReadAt(offset, head);
    if (!read.ok()) return read.error();
    const uint64_t claimed = BigEndian(std::span(head).subspan(4));
    const uint64_t begin = offset + head.size();
    const uint64_t available = file.size_bytes() - begin;
    const bool is_data = BeginsWith(head, "data");
    const bool is_open = is_data && claimed == kSizeToTheEnd;
    if (claimed > available && !is_open) {
      return Error{RejectCode::kTruncated,
                   fmt::format("a chunk claims {} bytes, {} are there", claimed,
                               available)};
    }
    if (BeginsWith(head, "desc") && !claim) {
      Description description;
      if (claimed < description.size()) {
        return Error{RejectCode::kBadHeader, "its desc chunk is too short"};
      }
      read = file.ReadAt(begin, description);
      if (!read.ok()) return read.error();
      const Result<PlainClaim> parsed = ClaimOf(description);
      if (!parsed.ok()) return parsed.error();
      claim = parsed.value();
    }
    if (is_data) {
      const uint64_t num_bytes = is_open ? available : claimed;
      if (!claim || num_bytes < kEditCountBytes) {
        return Error{RejectCode::kBadHeader,
                     claim ? "its data chunk is too short"
                           : "has no desc chunk before its data chunk"};
      }
      claim->data_offset = begin + kEditCountBytes;
      claim->num_samples = SamplesIn(*claim, num_bytes - kEditCountBytes);
      const Result<SoundHeader> header =
          CheckPlainClaim(*claim, begin + num_bytes);
      if (!header.ok()) return header.error();
      return SoundFile{header.value(),
                       is_open ? SoundOddity::kNoDataSize : SoundOddity::kNone};
    }
    offset = begin + claimed;
  }
  return Error{RejectCode::kBadHeader, "has too many chunks before its data"};
}

}  // namespace melmill
