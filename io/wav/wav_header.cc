#include "io/wav/wav_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "io/wav/foreign_format.h"
#include "io/wav/riff.h"
#include "io/wav/wav_data.h"
#include "io/wav/wav_format.h"
#include "io/wav/wav_tail.h"

namespace melmill {
namespace {

constexpr uint32_t kSizeIsInDs64 = 0xFFFFFFFF;

// What is known when the data chunk is reached.
struct WavWalk {
  SoundFile file;
  WavDataClaim claim;
};

// What the chunks before the data say.
struct Preamble {
  std::optional<WavFormat> format;
  std::optional<uint64_t> ds64_riff_bytes;
  std::optional<uint64_t> ds64_data_bytes;
};

WavDataClaim ClaimOf(const RiffFile& file, const RiffChunk& data,
                     const Preamble& preamble) {
  WavDataClaim claim;
  claim.begin = data.begin;
  claim.data_bytes = data.claimed_bytes;
  claim.riff_bytes = file.claimed_bytes();
  if (!preamble.ds64_data_bytes) return claim;
  if (claim.data_bytes == kSizeIsInDs64) {
    claim.data_bytes = *preamble.ds64_data_bytes;
    claim.data_bytes_in_ds64 = true;
  }
  if (claim.riff_bytes == kSizeIsInDs64) {
    claim.riff_bytes = *preamble.ds64_riff_bytes;
  }
  return claim;
}

Result<WavWalk> FinishAtData(const RiffFile& file, const RiffChunk& chunk,
                             const Preamble& preamble) {
  WavWalk walk;
  SoundHeader& header = walk.file.header;
  header.encoding = preamble.format->encoding;
  header.big_endian = file.big_endian();
  header.sample_rate_hz = preamble.format->sample_rate_hz;
  header.num_channels = preamble.format->num_channels;
  header.data_offset = chunk.begin;
  const auto group_bytes =
      static_cast<uint32_t>(header.bytes_per_sample_group());

  walk.claim = ClaimOf(file, chunk, preamble);
  walk.claim.group_bytes = group_bytes;
  const Result<WavDataExtent> extent = MeasureWavData(file, walk.claim);
  if (!extent.ok()) return extent.error();
  const uint64_t num_bytes = extent.value().num_bytes;
  if (num_bytes < group_bytes) {
    return Error{RejectCode::kNoSamples,
                 fmt::format("the data chunk has {} bytes, less than one "
                             "sample",
                             num_bytes)};
  }
  header.data_bytes = num_bytes - num_bytes % group_bytes;
  header.num_samples = static_cast<int64_t>(header.data_bytes / group_bytes);
  walk.file.oddity = extent.value().oddity;
  return walk;
}

Result<void> ReadDs64(const RiffFile& file, const RiffChunk& chunk,
                      Preamble* preamble) {
  // The size of the whole file, then that of the data.
  std::array<std::byte, 16> fields;
  if (chunk.claimed_bytes < fields.size()) {
    return Error{
        RejectCode::kBadHeader,
        fmt::format("the ds64 chunk has {} bytes; it needs at least {}",
                    chunk.claimed_bytes, fields.size())};
  }
  if (Result<void> read = file.ReadAt(chunk.begin, fields); !read.ok()) {
    return read.error();
  }
  preamble->ds64_riff_bytes = file.Number(std::span(fields).first<8>());
  preamble->ds64_data_bytes = file.Number(std::span(fields).subspan<8, 8>());
  return {};
}

// Reads a chunk before the data.
Result<void> ReadPreambleChunk(const RiffFile& file, const RiffChunk& chunk,
                               Preamble* preamble) {
  if (chunk.claimed_bytes > file.size_bytes() - chunk.begin) {
    if (!chunk.has_printable_name()) {
      return Error{
          RejectCode::kBadHeader,
          fmt::format("there is no chunk at byte {}, where one should begin",
                      chunk.begin - kRiffChunkHeaderBytes)};
    }
    return Error{RejectCode::kTruncated,
                 fmt::format("the '{}' chunk claims {} bytes, {} are there",
                             chunk.name(), chunk.claimed_bytes,
                             file.size_bytes() - chunk.begin)};
  }
  if (chunk.name() != "fmt ") return {};
  if (preamble->format) {
    return Error{RejectCode::kBadHeader, "has two fmt chunks"};
  }
  const Result<WavFormat> format = ReadWavFormat(file, chunk);
  if (!format.ok()) return format.error();
  preamble->format = format.value();
  return {};
}

Result<WavWalk> WalkChunks(const RiffFile& file, bool is_rf64) {
  Preamble preamble;
  uint64_t offset = kRiffHeaderBytes;
  for (int i = 0; i <= kMaxNumRiffChunks; ++i) {
    if (offset == file.size_bytes()) {
      return Error{RejectCode::kNoSamples, "has no data chunk"};
    }
    if (file.size_bytes() - offset < kRiffChunkHeaderBytes) {
      return Error{RejectCode::kTruncated, "ends inside its header"};
    }
    const Result<RiffChunk> chunk = ReadRiffChunk(file, offset);
    if (!chunk.ok()) return chunk.error();
    if (chunk.value().name() == "data") {
      if (!preamble.format) {
        return Error{RejectCode::kBadHeader,
                     "has no fmt chunk before its data chunk"};
      }
      return FinishAtData(file, chunk.value(), preamble);
    }
    Result<void> taken = ReadPreambleChunk(file, chunk.value(), &preamble);
    if (taken.ok() && is_rf64 && i == 0) {
      if (chunk.value().name() != "ds64") {
        return Error{RejectCode::kBadHeader,
                     "is RF64, but its first chunk is not ds64"};
      }
      taken = ReadDs64(file, chunk.value(), &preamble);
    }
    if (!taken.ok()) return taken.error();
    offset = EndOfRiffChunk(file, chunk.value());
  }
  return Error{RejectCode::kBadHeader,
               fmt::format("has more than {} chunks before its data",
                           kMaxNumRiffChunks)};
}

// Reads the chunks up to the data.
Result<WavWalk> WalkFile(RiffFile* riff) {
  if (riff->size_bytes() == 0) {
    return Error{RejectCode::kEmptyFile, "the file is empty"};
  }
  std::array<std::byte, kForeignHeadBytes> bytes;
  const auto head = std::span(bytes).first(
      std::min<uint64_t>(bytes.size(), riff->size_bytes()));
  if (Result<void> read = riff->ReadAt(0, head); !read.ok()) {
    return read.error();
  }
  const std::string_view text(reinterpret_cast<const char*>(head.data()),
                              head.size());
  const std::string_view container = text.substr(0, 4);
  if (IsRiffContainer(container)) {
    if (riff->size_bytes() < kRiffHeaderBytes) {
      return Error{RejectCode::kTruncated, "ends inside its header"};
    }
    if (text.substr(8, 4) == "WAVE") {
      riff->set_big_endian(container == "RIFX");
      riff->set_claimed_bytes(riff->Number(head.subspan(4, 4)));
      return WalkChunks(*riff, container == "RF64");
    }
  }
  return Error{RejectCode::kForeignFormat, DescribeForeignFormat(head)};
}

}  // namespace

Result<SoundFile> ReadWavFile(std::span<const std::byte> prefix,
                              const ByteSource& file) {
  RiffFile riff(prefix, file);
  Result<WavWalk> walk = WalkFile(&riff);
  if (!walk.ok()) return walk.error();
  SoundFile& result = walk.value().file;
  if (result.oddity == SoundOddity::kNone) {
    const Result<SoundOddity> tail = CheckWavTail(riff, walk.value().claim);
    if (!tail.ok()) return tail.error();
    result.oddity = tail.value();
  }
  return result;
}

Result<SoundHeader> ReadWavHeader(std::span<const std::byte> prefix,
                                  const ByteSource& file) {
  RiffFile riff(prefix, file);
  const Result<WavWalk> walk = WalkFile(&riff);
  if (!walk.ok()) return walk.error();
  return walk.value().file.header;
}

}  // namespace melmill
