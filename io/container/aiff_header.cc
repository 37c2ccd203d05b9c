#include "io/container/aiff_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <string_view>

#include "io/sound/byte_field.h"
#include "io/sound/plain_header.h"
#include "io/wav/riff.h"

namespace melmill {
namespace {

// The number that ten bytes hold as an IEEE extended float.
double Extended(std::span<const std::byte> bytes) {
  const auto sign_and_exponent = static_cast<int>(BigEndian(bytes.first(2)));
  const int exponent = sign_and_exponent & 0x7FFF;
  const auto mantissa = static_cast<double>(BigEndian(bytes.subspan(2, 8)));
  const double number = std::ldexp(mantissa, exponent - 16383 - 63);
  return sign_and_exponent == exponent ? number : -number;
}

struct Form {
  SampleEncoding encoding;
  bool big_endian = true;
};

std::optional<Form> PcmForm(uint64_t bits, bool big_endian) {
  switch (bits) {
    case 8:
      return Form{SampleEncoding::kPcmS8, big_endian};
    case 16:
      return Form{SampleEncoding::kPcm16, big_endian};
    case 24:
      return Form{SampleEncoding::kPcm24, big_endian};
    case 32:
      return Form{SampleEncoding::kPcm32, big_endian};
    default:
      return std::nullopt;
  }
}

std::optional<Form> FormOf(std::string_view compression, uint64_t bits) {
  if (compression == "NONE" || compression == "twos") {
    return PcmForm(bits, true);
  }
  if (compression == "sowt") return PcmForm(bits, false);
  struct Named {
    std::string_view compression;
    Form form;
  };
  static constexpr Named kNamed[] = {
      {"fl32", {SampleEncoding::kFloat32}},
      {"FL32", {SampleEncoding::kFloat32}},
      {"fl64", {SampleEncoding::kFloat64}},
      {"FL64", {SampleEncoding::kFloat64}},
      {"ulaw", {SampleEncoding::kMuLaw}},
      {"ULAW", {SampleEncoding::kMuLaw}},
      {"alaw", {SampleEncoding::kALaw}},
      {"ALAW", {SampleEncoding::kALaw}},
      {"raw ", {SampleEncoding::kPcmU8}},
      {"in24", {SampleEncoding::kPcm24}},
      {"in32", {SampleEncoding::kPcm32}},
      {"42ni", {SampleEncoding::kPcm24, false}},
      {"42n1", {SampleEncoding::kPcm24, false}},  // libsndfile writes it so
      {"23ni", {SampleEncoding::kPcm32, false}}};
  for (const Named& named : kNamed) {
    if (named.compression == compression) return named.form;
  }
  return std::nullopt;
}

// Fills the claim from a COMM chunk.
Result<void> ReadCommon(const RiffFile& file, const RiffChunk& chunk,
                        bool is_aifc, PlainClaim* claim) {
  std::array<std::byte, 22> buffer = {};
  const size_t size = is_aifc ? 22 : 18;
  if (chunk.claimed_bytes < size) {
    return Error{RejectCode::kBadHeader, "its COMM chunk is too short"};
  }
  const std::span<std::byte> bytes = std::span(buffer).first(size);
  const Result<void> read = file.ReadAt(chunk.begin, bytes);
  if (!read.ok()) return read;
  const uint64_t bits = BigEndian(std::span(buffer).subspan(6, 2));
  const std::string_view compression =
      is_aifc ? std::string_view(reinterpret_cast<const char*>(&buffer[18]), 4)
              : std::string_view("NONE");
  const std::optional<Form> form = FormOf(compression, bits);
  if (!form) {
    return Error{
        RejectCode::kUnsupportedFormat,
        fmt::format("holds AIFF samples of {} bits{}, which are not read; "
                    "convert it: ffmpeg -i in.aiff out.flac",
                    bits, is_aifc ? " in a compression" : "")};
  }
  claim->encoding = form->encoding;
  claim->big_endian = form->big_endian;
  claim->num_channels = BigEndian(std::span(buffer).first(2));
  claim->num_samples = BigEndian(std::span(buffer).subspan(2, 4));
  claim->sample_rate_hz = Extended(std::span(buffer).subspan(8, 10));
  return {};
}

// Sets where the samples begin, and returns where they end.
Result<uint64_t> ReadSoundData(const RiffFile& file, const RiffChunk& chunk,
                               PlainClaim* claim) {
  std::array<std::byte, 8> bytes;
  if (chunk.claimed_bytes < bytes.size()) {
    return Error{RejectCode::kBadHeader, "its SSND chunk is too short"};
  }
  const Result<void> read = file.ReadAt(chunk.begin, bytes);
  if (!read.ok()) return read.error();
  const uint64_t skipped = BigEndian(std::span(bytes).first(4));
  if (skipped > chunk.claimed_bytes - bytes.size()) {
    return Error{RejectCode::kBadHeader,
                 "its samples begin behind its SSND chunk"};
  }
  claim->data_offset = chunk.begin + bytes.size() + skipped;
  return chunk.begin + chunk.claimed_bytes;
}

}  // namespace

Result<SoundHeader> ReadAiffHeader(const ByteSource& source) {
  RiffFile file({}, source);
  file.set_big_endian(true);
  std::array<std::byte, kRiffHeaderBytes> head;
  const Result<void> read = file.ReadAt(0, head);
  if (!read.ok()) return read.error();
  const bool is_aifc = head[11] == std::byte{'C'};
  PlainClaim claim;
  bool has_common = false;
  uint64_t data_end = 0;
  uint64_t offset = kRiffHeaderBytes;
  for (int i = 0; i < kMaxNumRiffChunks && !(has_common && data_end > 0); ++i) {
    if (offset == file.size_bytes()) break;
    if (file.size_bytes() - offset < kRiffChunkHeaderBytes) {
      return Error{RejectCode::kTruncated, "ends inside its header"};
    }
    const Result<RiffChunk> chunk = ReadRiffChunk(file, offset);
    if (!chunk.ok()) return chunk.error();
    if (chunk.value().claimed_bytes > file.size_bytes() - chunk.value().begin) {
      return Error{chunk.value().has_printable_name() ? RejectCode::kTruncated
                                                      : RejectCode::kBadHeader,
                   fmt::format("a chunk claims {} bytes, {} are there",
                               chunk.value().claimed_bytes,
                               file.size_bytes() - chunk.value().begin)};
    }
    if (chunk.value().name() == "COMM" && !has_common) {
      const Result<void> done =
          ReadCommon(file, chunk.value(), is_aifc, &claim);
      if (!done.ok()) return done.error();
      has_common = true;
    }
    if (chunk.value().name() == "SSND" && data_end == 0) {
      const Result<uint64_t> end = ReadSoundData(file, chunk.value(), &claim);
      if (!end.ok()) return end.error();
      data_end = end.value();
    }
    offset = EndOfRiffChunk(file, chunk.value());
  }
  if (!has_common) return Error{RejectCode::kBadHeader, "has no COMM chunk"};
  if (data_end == 0) return Error{RejectCode::kNoSamples, "has no SSND chunk"};
  return CheckPlainClaim(claim, data_end);
}

}  // namespace melmill
