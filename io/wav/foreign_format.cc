#include "io/wav/foreign_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace melmill {
namespace {

using namespace std::string_view_literals;

struct Magic {
  size_t offset;
  std::string_view bytes;
  std::string_view name;
  // The usual suffix of files to convert; empty if there is `advice` instead.
  std::string_view suffix;
  std::string_view advice;
};

// The first match counts, so the more specific entries come first.
constexpr Magic kMagics[] = {
    {28,
     "\x7F"
     "FLAC"sv,
     "Ogg FLAC", "oga", ""},
    {28, "Speex   "sv, "Ogg Speex", "spx", ""},
    {28, "\x80theora"sv, "Ogg Theora", "ogv", ""},
    {0, "OggS"sv, "Ogg without Vorbis or Opus", "ogg", ""},
    {0, "ajkg"sv, "Shorten", "shn", ""},
    {0, "wvpk"sv, "WavPack", "wv", ""},
    {4, "ftyp"sv, "MP4/M4A", "m4a", ""},
    {0, "\x1A\x45\xDF\xA3"sv, "Matroska/WebM", "webm", ""},
    {0, "#!AMR-WB"sv, "AMR-WB", "awb", ""},
    {0, "#!AMR"sv, "AMR", "amr", ""},
    {0, "\x30\x26\xB2\x75\x8E\x66\xCF\x11"sv, "ASF/WMA", "wma", ""},
    {0, "riff\x2E\x91\xCF\x11"sv, "Wave64", "w64", ""},
    {0, "BW64"sv, "BW64", "wav", ""},
    {8, "AVI "sv, "AVI", "avi", ""},
    {0, "\x1F\x8B"sv, "gzip", "", "gunzip in.wav.gz"},
    {0, "PK\x03\x04"sv, "a zip archive", "", "unzip in.zip"},
    {0, "version https://git-lfs"sv, "a Git LFS pointer", "", "git lfs pull"},
};

bool Holds(std::span<const std::byte> head, size_t offset,
           std::string_view bytes) {
  return head.size() >= offset + bytes.size() &&
         std::equal(bytes.begin(), bytes.end(), head.begin() + offset,
                    [](char a, std::byte b) {
                      return static_cast<unsigned char>(a) ==
                             std::to_integer<unsigned char>(b);
                    });
}

std::string Advise(std::string_view name, std::string_view suffix,
                   std::string_view advice) {
  if (!suffix.empty()) {
    return fmt::format(
        "is {}, which is not read; convert it: ffmpeg -i in.{} out.flac", name,
        suffix);
  }
  return fmt::format("is {}, which is not read; get the audio out of it: {}",
                     name, advice);
}

// Frames of MPEG audio and of ADTS both begin with eleven set bits. Raw samples
// around -1 do, too, so all fields with forbidden values are checked.
std::string_view MpegName(std::span<const std::byte> head) {
  if (head.size() < 4 || head[0] != std::byte{0xFF}) return "";
  const auto b1 = std::to_integer<unsigned>(head[1]);
  const auto b2 = std::to_integer<unsigned>(head[2]);
  if ((b1 & 0xF6) == 0xF0 && ((b2 >> 2) & 0xF) < 13) return "AAC";
  const bool sync = (b1 & 0xE0) == 0xE0;
  const bool version_known = ((b1 >> 3) & 3) != 1;
  const bool layer_known = ((b1 >> 1) & 3) != 0;
  const bool bit_rate_known = (b2 >> 4) != 15 && (b2 >> 4) != 0;
  const bool sample_rate_known = ((b2 >> 2) & 3) != 3;
  return sync && version_known && layer_known && bit_rate_known &&
                 sample_rate_known
             ? "damaged MP3 or another MPEG audio"
             : "";
}

bool IsText(std::byte byte) {
  const auto c = std::to_integer<unsigned char>(byte);
  return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c != 0x7F);
}

}  // namespace

std::string DescribeForeignFormat(std::span<const std::byte> head) {
  head = head.first(std::min(head.size(), kForeignHeadBytes));
  for (const Magic& magic : kMagics) {
    if (Holds(head, magic.offset, magic.bytes)) {
      return Advise(magic.name, magic.suffix, magic.advice);
    }
  }
  if (Holds(head, 0, "RIFF") || Holds(head, 0, "RIFX") ||
      Holds(head, 0, "RF64")) {
    return "is RIFF, but holds something else than WAVE";
  }
  const std::string_view mpeg = MpegName(head);
  if (!mpeg.empty()) return Advise(mpeg, mpeg == "AAC" ? "aac" : "mp3", "");
  if (std::all_of(head.begin(), head.end(), IsText)) {
    const bool json = head[0] == std::byte{'{'} || head[0] == std::byte{'['};
    return json ? "is JSON, not sound" : "is text, not sound";
  }
  if (std::all_of(head.begin(), head.end(),
                  [](std::byte b) { return b == std::byte{0}; })) {
    return "starts with zeros, not as a sound file does: perhaps a copy "
           "that was cut off";
  }
  std::string message = "does not start as a sound file does; its first bytes:";
  for (const std::byte b : head.first(std::min<size_t>(head.size(), 4))) {
    message += fmt::format(" {:02X}", std::to_integer<unsigned>(b));
  }
  return message;
}

std::string DescribeForeignCodec(uint16_t format_tag) {
  struct Codec {
    uint16_t format_tag;
    std::string_view name;
  };
  static constexpr Codec kCodecs[] = {
      {0x0002, "Microsoft ADPCM"},
      {0x0010, "OKI ADPCM"},
      {0x0011, "IMA ADPCM"},
      {0x0014, "G.723 ADPCM"},
      {0x0016, "G.723 ADPCM"},
      {0x0017, "Dialogic OKI ADPCM"},
      {0x0020, "Yamaha ADPCM"},
      {0x0022, "TrueSpeech"},
      {0x0031, "GSM 6.10"},
      {0x0038, "NMS ADPCM"},
      {0x0040, "G.721 ADPCM"},
      {0x0042, "G.723.1"},
      {0x0045, "G.726 ADPCM"},
      {0x0050, "MPEG layer 1 or 2"},
      {0x0055, "MP3"},
      {0x0057, "AMR"},
      {0x0058, "AMR-WB"},
      {0x0064, "G.726 ADPCM"},
      {0x0065, "G.722 ADPCM"},
      {0x0083, "G.729"},
      {0x00FF, "AAC"},
      {0x0160, "WMA 1"},
      {0x0161, "WMA 2"},
      {0x0162, "WMA Pro"},
      {0x0270, "ATRAC3"},
      {0x1610, "AAC"},
      {0x2000, "AC-3"},
      {0x674F, "Vorbis"},
      {0x704F, "Opus"},
      {0xA109, "Speex"},
      {0xF1AC, "FLAC"},
  };
  std::string_view name = "unknown";
  for (const Codec& codec : kCodecs) {
    if (codec.format_tag == format_tag) name = codec.name;
  }
  return fmt::format(
      "holds {} samples (format 0x{:04X}), which are not read; convert it: "
      "ffmpeg -i in.wav out.flac",
      name, format_tag);
}

}  // namespace melmill
