#include "io/flac/flac_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "io/sound/byte_field.h"

namespace melmill {
namespace {

// "fLaC", the header of the first metadata block, and what is needed of it: all
// but the MD5 of the samples.
constexpr size_t kStreamInfoEnd = 26;
constexpr uint64_t kStreamInfoBytes = 34;
constexpr uint64_t kAudioBegin = 4 + 4 + kStreamInfoBytes;

using StreamInfo = std::array<std::byte, kStreamInfoEnd>;

Result<StreamInfo> ReadStreamInfo(const ByteSource& file, uint64_t begin) {
  if (file.size_bytes() - begin < kAudioBegin) {
    return Error{RejectCode::kTruncated, "ends inside its header"};
  }
  StreamInfo info;
  const Result<void> read = file.ReadAt(begin, info);
  if (!read.ok()) return read.error();
  const std::span bytes(info);
  const uint64_t type = BigEndian(bytes.subspan(4, 1)) & 0x7F;
  if (type != 0 || BigEndian(bytes.subspan(5, 3)) != kStreamInfoBytes) {
    return Error{RejectCode::kBadHeader,
                 "its first metadata block is not STREAMINFO of 34 bytes"};
  }
  return info;
}

// 20 bits sample rate, 3 bits channels - 1, 5 bits bits per sample - 1, 36 bits
// samples of each channel.
uint64_t PackedFields(const StreamInfo& info) {
  return BigEndian(std::span(info).subspan(18, 8));
}

int BitsPerSample(const StreamInfo& info) {
  return static_cast<int>(PackedFields(info) >> 36 & 0x1F) + 1;
}

// CRC-8 with the polynomial x^8 + x^2 + x + 1, as in RFC 9639, section 9.1.8.
unsigned Crc8(std::span<const std::byte> bytes) {
  unsigned crc = 0;
  for (const std::byte b : bytes) {
    crc ^= std::to_integer<unsigned>(b);
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc << 1 ^ (crc & 0x80 ? 0x107u : 0u);
    }
  }
  return crc;
}

// Whether the bytes begin with the header of a FLAC frame (RFC 9639, section
// 9.1), which ends with its own checksum.
bool IsFlacFrameHeader(std::span<const std::byte> bytes) {
  constexpr size_t kMinBytes = 6;
  if (bytes.size() < kMinBytes) return false;
  const auto byte = [&](size_t i) {
    return std::to_integer<unsigned>(bytes[i]);
  };
  if (byte(0) != 0xFF || (byte(1) & 0xFE) != 0xF8) return false;
  // The number of the frame or sample, written as in UTF-8, in 1 to 7 bytes.
  size_t size = 5;
  for (unsigned mask = 0x80; (byte(4) & mask) != 0 && mask > 1; mask >>= 1) {
    if (mask < 0x80) ++size;
  }
  const unsigned block_size = byte(2) >> 4;
  const unsigned rate = byte(2) & 0xF;
  if (block_size == 6) size += 1;
  if (block_size == 7) size += 2;
  if (rate == 12) size += 1;
  if (rate == 13 || rate == 14) size += 2;
  return bytes.size() > size && Crc8(bytes.first(size)) == byte(size);
}

}  // namespace

Result<SoundHeader> ReadFlacHeader(const ByteSource& file, uint64_t begin) {
  const Result<StreamInfo> info = ReadStreamInfo(file, begin);
  if (!info.ok()) return info.error();
  const uint64_t packed = PackedFields(info.value());
  SoundHeader header;
  header.encoding = SampleEncoding::kFlac;
  header.sample_rate_hz = static_cast<int>(packed >> 44);
  header.num_channels = static_cast<int>(packed >> 41 & 7) + 1;
  header.num_samples = static_cast<int64_t>(packed & ((uint64_t{1} << 36) - 1));
  header.data_bytes = file.size_bytes();
  const int bits = BitsPerSample(info.value());
  if (bits != 8 && bits != 16 && bits != 24) {
    return Error{RejectCode::kUnsupportedFormat,
                 fmt::format("holds FLAC samples of {} bits, which are not "
                             "read (8, 16 and 24 are); convert it: flac -d "
                             "in.flac -o out.wav",
                             bits)};
  }
  if (header.sample_rate_hz < kMinSampleRateHz ||
      header.sample_rate_hz > kMaxSampleRateHz) {
    return Error{
        RejectCode::kBadSampleRate,
        fmt::format("sample rate {} Hz is not in {}..{}", header.sample_rate_hz,
                    kMinSampleRateHz, kMaxSampleRateHz)};
  }
  if (header.num_samples == 0) {
    return Error{RejectCode::kLengthUnknown,
                 "its header does not say how many samples it has, as if it "
                 "was written into a pipe; write it again: flac -d -c in.flac "
                 "| flac - -o out.flac"};
  }
  return header;
}

Result<int> ReadFlacBitsPerSample(const ByteSource& file, uint64_t begin) {
  const Result<StreamInfo> info = ReadStreamInfo(file, begin);
  if (!info.ok()) return info.error();
  return BitsPerSample(info.value());
}

Result<void> CheckFlacTail(const ByteSource& file, uint64_t offset) {
  std::array<std::byte, 24> buffer;
  const uint64_t num_left = file.size_bytes() - offset;
  const auto bytes = std::span(buffer).first(
      static_cast<size_t>(std::min<uint64_t>(buffer.size(), num_left)));
  const Result<void> read = file.ReadAt(offset, bytes);
  if (!read.ok()) return read;
  if (BeginsWith(bytes, "fLaC")) {
    return Error{RejectCode::kSeveralFiles,
                 "holds two FLAC files back to back"};
  }
  const bool is_tag = BeginsWith(bytes, "APETAGEX") || BeginsWith(bytes, "ID3");
  if (IsFlacFrameHeader(bytes) ||
      (num_left > kMaxBytesBehindSound && !is_tag)) {
    return Error{RejectCode::kLyingSize,
                 fmt::format("{} bytes follow the samples that the header "
                             "counts",
                             num_left)};
  }
  return {};
}

}  // namespace melmill
