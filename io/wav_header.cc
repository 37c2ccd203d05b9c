#include "io/wav_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <optional>
#include <string>

#include "io/foreign_format.h"
#include "io/riff.h"
#include "io/wav_format.h"

namespace melmill {
namespace {

constexpr uint64_t kRiffHeaderBytes = 12;

// Up to so many bytes behind the data chunk are taken for the padding some
// writers leave, whatever is in them.
constexpr uint64_t kMaxUnknownTailBytes = 4096;

constexpr uint32_t kSizeIsInDs64 = 0xFFFFFFFF;

// What writers put into the size of the data chunk when they cannot seek back
// to correct it: ffmpeg and the streaming speech services; the same less the
// RIFF header; arecord; players and services with signed sizes; SoX and
// eSpeak.
constexpr uint32_t kStreamingSizes[] = {0xFFFFFFFF,      0xFFFFFFFF - 36,
                                        0x80000000,      0x7FFFFFFF,
                                        0x7FFFFFFF - 36, 0x7FFFF000};

// Whether a chunk or zeros begin at `offset`; at least 8 bytes are there.
Result<bool> MayFollowData(const RiffFile& file, uint64_t offset) {
  const Result<RiffChunk> chunk = ReadRiffChunk(file, offset);
  if (!chunk.ok()) return chunk.error();
  const bool zeros = chunk.value().id == std::array<char, 4>{} &&
                     chunk.value().claimed_bytes == 0;
  return zeros || (chunk.value().has_printable_name() &&
                   chunk.value().claimed_bytes <=
                       file.size_bytes() - chunk.value().begin);
}

struct DataClaim {
  uint64_t begin;
  uint64_t claimed_bytes;
  bool is_streaming;  // the size was not known when it was written
};

Result<uint64_t> CountUnclaimedBytes(const RiffFile& file,
                                     const DataClaim& data) {
  // What was killed before it wrote the size leaves samples behind a zero; an
  // empty recording leaves nothing, or further chunks.
  const Result<bool> is_empty = IsChainOfRiffChunks(file, data.begin);
  if (!is_empty.ok()) return is_empty.error();
  if (is_empty.value()) {
    return Error{ErrorCode::kNoSamples, "has an empty data chunk"};
  }
  return file.size_bytes() - data.begin;
}

// How many bytes of samples there are.
Result<uint64_t> CountDataBytes(const RiffFile& file, const DataClaim& data) {
  if (data.claimed_bytes == 0) return CountUnclaimedBytes(file, data);
  const uint64_t available_bytes = file.size_bytes() - data.begin;
  if (data.claimed_bytes > available_bytes) {
    if (data.is_streaming) return available_bytes;
    return Error{ErrorCode::kTruncated,
                 fmt::format("the data chunk claims {} bytes, {} are there",
                             data.claimed_bytes, available_bytes)};
  }
  const uint64_t tail_bytes = available_bytes - data.claimed_bytes;
  if (tail_bytes <= kMaxUnknownTailBytes) return data.claimed_bytes;
  const uint64_t end = data.begin + data.claimed_bytes;
  // Some writers forget the byte that pads odd sizes.
  for (const uint64_t next : {end + data.claimed_bytes % 2, end}) {
    const Result<bool> may_follow = MayFollowData(file, next);
    if (!may_follow.ok()) return may_follow.error();
    if (may_follow.value()) return data.claimed_bytes;
  }
  return Error{
      ErrorCode::kLyingSize,
      fmt::format("the data chunk claims {} bytes, but {} more bytes follow "
                  "that are no chunk",
                  data.claimed_bytes, tail_bytes)};
}

// SoX rounds its placeholder down to whole sample groups.
bool IsStreamingSize(uint32_t claimed_bytes, uint32_t group_bytes) {
  return std::any_of(std::begin(kStreamingSizes), std::end(kStreamingSizes),
                     [&](uint32_t size) {
                       return claimed_bytes == size ||
                              claimed_bytes == size - size % group_bytes;
                     });
}

Result<WavHeader> FinishAtData(const RiffFile& file, const RiffChunk& chunk,
                               const WavFormat& format,
                               std::optional<uint64_t> ds64_data_bytes) {
  WavHeader header;
  header.encoding = format.encoding;
  header.big_endian = file.big_endian();
  header.sample_rate_hz = format.sample_rate_hz;
  header.num_channels = format.num_channels;
  header.data_offset = chunk.begin;
  const auto group_bytes =
      static_cast<uint32_t>(header.bytes_per_sample_group());

  DataClaim data{chunk.begin, chunk.claimed_bytes,
                 IsStreamingSize(chunk.claimed_bytes, group_bytes)};
  if (ds64_data_bytes && chunk.claimed_bytes == kSizeIsInDs64) {
    data.claimed_bytes = *ds64_data_bytes;
    data.is_streaming =
        *ds64_data_bytes == std::numeric_limits<uint64_t>::max();
  }
  const Result<uint64_t> data_bytes = CountDataBytes(file, data);
  if (!data_bytes.ok()) return data_bytes.error();
  if (data_bytes.value() < group_bytes) {
    return Error{
        ErrorCode::kNoSamples,
        fmt::format("the data chunk has {} bytes, less than one sample",
                    data_bytes.value())};
  }
  header.data_bytes = data_bytes.value() - data_bytes.value() % group_bytes;
  header.num_samples = static_cast<int64_t>(header.data_bytes / group_bytes);
  return header;
}

// What the chunks before the data say.
struct Preamble {
  std::optional<WavFormat> format;
  std::optional<uint64_t> ds64_data_bytes;
};

Result<void> ReadDs64(const RiffFile& file, const RiffChunk& chunk,
                      Preamble* preamble) {
  // The size of the whole file, then that of the data.
  std::array<std::byte, 16> fields;
  if (chunk.claimed_bytes < fields.size()) {
    return Error{
        ErrorCode::kBadHeader,
        fmt::format("the ds64 chunk has {} bytes; it needs at least {}",
                    chunk.claimed_bytes, fields.size())};
  }
  if (Result<void> read = file.ReadAt(chunk.begin, fields); !read.ok()) {
    return read.error();
  }
  preamble->ds64_data_bytes = file.Number(std::span(fields).subspan<8, 8>());
  return {};
}

// Takes in a chunk that is not the data.
Result<void> ReadPreambleChunk(const RiffFile& file, const RiffChunk& chunk,
                               Preamble* preamble) {
  if (chunk.claimed_bytes > file.size_bytes() - chunk.begin) {
    if (!chunk.has_printable_name()) {
      return Error{
          ErrorCode::kBadHeader,
          fmt::format("there is no chunk at byte {}, where one should begin",
                      chunk.begin - kRiffChunkHeaderBytes)};
    }
    return Error{ErrorCode::kTruncated,
                 fmt::format("the '{}' chunk claims {} bytes, {} are there",
                             chunk.name(), chunk.claimed_bytes,
                             file.size_bytes() - chunk.begin)};
  }
  if (chunk.name() != "fmt ") return {};
  if (preamble->format) {
    return Error{ErrorCode::kBadHeader, "has two fmt chunks"};
  }
  const Result<WavFormat> format = ReadWavFormat(file, chunk);
  if (!format.ok()) return format.error();
  preamble->format = format.value();
  return {};
}

Result<WavHeader> WalkChunks(const RiffFile& file, bool is_rf64) {
  Preamble preamble;
  uint64_t offset = kRiffHeaderBytes;
  for (int i = 0; i <= kMaxNumRiffChunks; ++i) {
    if (offset == file.size_bytes()) {
      return Error{ErrorCode::kNoSamples, "has no data chunk"};
    }
    if (file.size_bytes() - offset < kRiffChunkHeaderBytes) {
      return Error{ErrorCode::kTruncated, "ends inside its header"};
    }
    const Result<RiffChunk> chunk = ReadRiffChunk(file, offset);
    if (!chunk.ok()) return chunk.error();
    if (chunk.value().name() == "data") {
      if (!preamble.format) {
        return Error{ErrorCode::kBadHeader,
                     "has no fmt chunk before its data chunk"};
      }
      return FinishAtData(file, chunk.value(), *preamble.format,
                          preamble.ds64_data_bytes);
    }
    Result<void> taken = ReadPreambleChunk(file, chunk.value(), &preamble);
    if (taken.ok() && is_rf64 && i == 0) {
      if (chunk.value().name() != "ds64") {
        return Error{ErrorCode::kBadHeader,
                     "is RF64, but its first chunk is not ds64"};
      }
      taken = ReadDs64(file, chunk.value(), &preamble);
    }
    if (!taken.ok()) return taken.error();
    offset = EndOfRiffChunk(file, chunk.value());
  }
  return Error{ErrorCode::kBadHeader,
               fmt::format("has more than {} chunks before its data",
                           kMaxNumRiffChunks)};
}

}  // namespace

int BytesPerSample(SampleEncoding encoding) {
  switch (encoding) {
    case SampleEncoding::kPcmU8:
    case SampleEncoding::kMuLaw:
    case SampleEncoding::kALaw:
      return 1;
    case SampleEncoding::kPcm16:
      return 2;
    case SampleEncoding::kPcm24:
      return 3;
    case SampleEncoding::kPcm32:
    case SampleEncoding::kFloat32:
      return 4;
    case SampleEncoding::kFloat64:
      return 8;
  }
  assert(false);
  return 1;
}

std::string_view SampleEncodingName(SampleEncoding encoding) {
  switch (encoding) {
    case SampleEncoding::kPcmU8:
      return "PCM 8 bit";
    case SampleEncoding::kPcm16:
      return "PCM 16 bit";
    case SampleEncoding::kPcm24:
      return "PCM 24 bit";
    case SampleEncoding::kPcm32:
      return "PCM 32 bit";
    case SampleEncoding::kFloat32:
      return "float 32 bit";
    case SampleEncoding::kFloat64:
      return "float 64 bit";
    case SampleEncoding::kMuLaw:
      return "mu-law";
    case SampleEncoding::kALaw:
      return "A-law";
  }
  return "unknown";  // a number from a damaged plan
}

Result<WavHeader> ReadWavHeader(std::span<const std::byte> prefix,
                                const ByteSource& file) {
  RiffFile riff(prefix, file);
  if (riff.size_bytes() == 0) {
    return Error{ErrorCode::kEmptyFile, "the file is empty"};
  }
  std::array<std::byte, kForeignHeadBytes> bytes;
  const auto head = std::span(bytes).first(
      std::min<uint64_t>(bytes.size(), riff.size_bytes()));
  if (Result<void> read = riff.ReadAt(0, head); !read.ok()) return read.error();

  const std::string_view text(reinterpret_cast<const char*>(head.data()),
                              head.size());
  const std::string_view container = text.substr(0, 4);
  const bool is_rf64 = container == "RF64";
  const bool is_rifx = container == "RIFX";
  if (is_rf64 || is_rifx || container == "RIFF") {
    if (riff.size_bytes() < kRiffHeaderBytes) {
      return Error{ErrorCode::kTruncated, "ends inside its header"};
    }
    if (text.substr(8, 4) == "WAVE") {
      riff.set_big_endian(is_rifx);
      return WalkChunks(riff, is_rf64);
    }
  }
  return Error{ErrorCode::kNotWav, DescribeForeignFormat(head)};
}

}  // namespace melmill
