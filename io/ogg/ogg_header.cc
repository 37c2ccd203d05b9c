#include "io/ogg/ogg_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "io/ogg/ogg_packets.h"
#include "io/ogg/ogg_page.h"
#include "io/ogg/vorbis_setup.h"
#include "io/sound/byte_field.h"
#include "io/sound/byte_window.h"

namespace melmill {
namespace {

constexpr uint64_t kMaxBytesBehind = 4096;
constexpr int kMaxCandidates = 64;

// A page, and where it begins in the file.
struct PlacedPage {
  OggPage page;
  uint64_t begin = 0;
  uint64_t end() const { return begin + page.num_bytes; }
};

template <typename Format>
Error PageError(RejectCode code, const Format& format, uint64_t offset) {
  return {code, fmt::format(fmt::runtime(format), offset),
          static_cast<int64_t>(offset)};
}

// What the first page says of the stream.
struct StreamHead {
  SampleEncoding encoding;
  int sample_rate_hz = 0;
  unsigned num_channels = 0;
  uint64_t granules_before = 0;      // the first sample's
  uint64_t granules_per_sample = 1;  // Opus counts at 48 kHz
};

int OpusDecodeRateHz(uint64_t original_rate_hz) {
  for (const int rate_hz : {8000, 12000, 16000, 24000}) {
    if (original_rate_hz <= static_cast<uint64_t>(rate_hz)) return rate_hz;
  }
  return 48000;
}

std::optional<StreamHead> ParseHead(std::span<const std::byte> packet) {
  if (BeginsWith(packet, "OpusHead") && packet.size() >= 19) {
    const int rate_hz = OpusDecodeRateHz(LittleEndian(packet.subspan(12, 4)));
    return StreamHead{
        .encoding = SampleEncoding::kOpus,
        .sample_rate_hz = rate_hz,
        .num_channels = std::to_integer<unsigned>(packet[9]),
        .granules_before = LittleEndian(packet.subspan(10, 2)),
        .granules_per_sample = static_cast<uint64_t>(48000 / rate_hz)};
  }
  if (BeginsWith(packet, "\x01vorbis") && packet.size() >= 30) {
    const uint64_t rate_hz = LittleEndian(packet.subspan(12, 4));
    return StreamHead{.encoding = SampleEncoding::kVorbis,
                      .sample_rate_hz = static_cast<int>(
                          std::min<uint64_t>(rate_hz, kMaxSampleRateHz + 1)),
                      .num_channels = std::to_integer<unsigned>(packet[11])};
  }
  return std::nullopt;
}

Result<void> CheckHead(const StreamHead& head) {
  if (head.sample_rate_hz < kMinSampleRateHz ||
      head.sample_rate_hz > kMaxSampleRateHz) {
    return Error{
        RejectCode::kBadSampleRate,
        fmt::format("sample rate {} Hz is not in {}..{}", head.sample_rate_hz,
                    kMinSampleRateHz, kMaxSampleRateHz)};
  }
  if (head.num_channels < 1 || head.num_channels > kMaxNumChannels) {
    return Error{RejectCode::kBadChannels,
                 fmt::format("{} channels; 1 to {} are read", head.num_channels,
                             kMaxNumChannels)};
  }
  return {};
}

struct FirstPage {
  OggPage page;
  std::optional<StreamHead> head;  // of a stream that is read
};

Result<FirstPage> ReadFirstPage(const ByteSource& file) {
  // Nearly every one is short.
  for (const size_t num_bytes : {size_t{256}, kMaxOggPageBytes}) {
    ByteWindow window(file, num_bytes);
    const auto bytes = window.At(0, num_bytes);
    if (!bytes.ok()) return bytes.error();
    const std::optional<OggPage> page = ParseOggPage(bytes.value());
    if (!page) continue;
    return FirstPage{
        *page,
        ParseHead(
            bytes.value().first(page->num_bytes).subspan(page->body_begin))};
  }
  return Error{RejectCode::kBadHeader, "its first Ogg page is damaged"};
}

// The last whole page of the file.
Result<PlacedPage> FindLastPage(const ByteSource& file) {
  const uint64_t tail_bytes =
      std::min<uint64_t>(kMaxOggPageBytes + kMaxBytesBehind, file.size_bytes());
  const uint64_t tail_begin = file.size_bytes() - tail_bytes;
  std::vector<std::byte> buffer(static_cast<size_t>(tail_bytes));
  const Result<void> read = file.ReadAt(tail_begin, buffer);
  if (!read.ok()) return read.error();
  const std::span<const std::byte> tail(buffer);
  int num_candidates = 0;
  for (size_t i = tail.size(); i-- > 0 && num_candidates < kMaxCandidates;) {
    if (!BeginsWith(tail.subspan(i), "OggS")) continue;
    ++num_candidates;
    const std::optional<OggPage> page = ParseOggPage(tail.subspan(i));
    if (page) return PlacedPage{*page, tail_begin + i};
  }
  return Error{RejectCode::kTruncated, "has no whole Ogg page at its end"};
}

Result<void> CheckLastPage(const PlacedPage& last, const OggPage& first,
                           const ByteSource& file) {
  const uint64_t num_behind = file.size_bytes() - last.end();
  if (last.page.serial != first.serial) {
    return Error{RejectCode::kChained,
                 "holds more than one Ogg stream; split or convert it: ffmpeg "
                 "-i in.ogg out.flac"};
  }
  std::array<std::byte, 4> behind = {};
  if (num_behind >= behind.size()) {
    const Result<void> read = file.ReadAt(last.end(), behind);
    if (!read.ok()) return read;
  }
  if (!last.page.is_last || !last.page.has_granule() ||
      BeginsWith(behind, "OggS")) {
    return Error{RejectCode::kTruncated,
                 "its last whole Ogg page is not the end of its stream"};
  }
  if (num_behind > kMaxBytesBehind) {
    return Error{RejectCode::kLyingSize,
                 fmt::format("{} bytes follow its last Ogg page", num_behind)};
  }
  return {};
}

}  // namespace

Result<std::optional<SoundHeader>> ReadOggHeader(const ByteSource& file) {
  const Result<FirstPage> first = ReadFirstPage(file);
  if (!first.ok()) return first.error();
  if (!first.value().head) return std::optional<SoundHeader>();
  const StreamHead& head = *first.value().head;
  Result<void> checked = CheckHead(head);
  if (!checked.ok()) return checked.error();
  const Result<PlacedPage> last = FindLastPage(file);
  if (!last.ok()) return last.error();
  checked = CheckLastPage(last.value(), first.value().page, file);
  if (!checked.ok()) return checked.error();
  const uint64_t granule = last.value().page.granule;
  if (granule >> 62 != 0) {
    return Error{RejectCode::kBadHeader, "its last Ogg page has no count"};
  }
  SoundHeader header;
  header.encoding = head.encoding;
  header.sample_rate_hz = head.sample_rate_hz;
  header.num_channels = static_cast<int>(head.num_channels);
  header.data_bytes = file.size_bytes();
  if (granule >= head.granules_before + head.granules_per_sample) {
    header.num_samples = static_cast<int64_t>((granule - head.granules_before) /
                                              head.granules_per_sample);
  }
  if (header.num_samples < 1) {
    return Error{RejectCode::kNoSamples, "has no samples"};
  }
  return std::optional(header);
}

Result<void> CheckOggPages(const SoundHeader& header, const ByteSource& file) {
  ByteWindow window(file, ByteWindow::kWalkBytes);
  OggPackets packets;
  std::optional<OggPage> first;
  bool is_ended = false;
  uint32_t sequence = 0;
  uint64_t offset = 0;
  while (offset < file.size_bytes()) {
    const auto bytes = window.At(offset, kMaxOggPageBytes);
    if (!bytes.ok()) return bytes.error();
    const std::optional<OggPage> page = ParseOggPage(bytes.value());
    if (!page) {
      if (is_ended) break;  // ReadOggHeader has bounded what follows
      return PageError(RejectCode::kBadPage, "no whole Ogg page at byte {}",
                       offset);
    }
    if (!first) first = page;
    if (is_ended || page->serial != first->serial ||
        (page->is_first && offset > 0)) {
      return PageError(RejectCode::kChained,
                       "another Ogg stream begins at byte {}", offset);
    }
    if (offset > 0 && page->sequence != sequence + 1) {
      return PageError(RejectCode::kBadPage,
                       "an Ogg page is missing before byte {}", offset);
    }
    packets.Add(*page, bytes.value().first(page->num_bytes));
    if (packets.largest_bytes() > kMaxOggPacketBytes) {
      return Error{RejectCode::kBadHeader,
                   fmt::format("has an Ogg packet of more than {} bytes",
                               kMaxOggPacketBytes)};
    }
    sequence = page->sequence;
    is_ended = page->is_last;
    offset += page->num_bytes;
  }
  return header.encoding == SampleEncoding::kVorbis
             ? CheckVorbisSetup(packets.third())
             : Result<void>();
}

}  // namespace melmill
