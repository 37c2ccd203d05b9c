#include "io/sound/sound_file.h"

#include <algorithm>
#include <array>
#include <optional>

#include "io/container/aiff_header.h"
#include "io/container/au_header.h"
#include "io/container/caf_header.h"
#include "io/flac/flac_header.h"
#include "io/mp3/mp3_header.h"
#include "io/ogg/ogg_header.h"
#include "io/sound/byte_field.h"
#include "io/sound/id3_tag.h"
#include "io/sound/prefix_source.h"
#include "io/sphere/sphere_header.h"
#include "io/wav/wav_header.h"

namespace melmill {
namespace {

using MaybeFile = std::optional<SoundFile>;

Result<MaybeFile> WithoutOddity(const Result<SoundHeader>& header) {
  if (!header.ok()) return header.error();
  return MaybeFile(SoundFile{header.value(), SoundOddity::kNone});
}

Result<MaybeFile> WithOddity(const Result<SoundFile>& sound) {
  if (!sound.ok()) return sound.error();
  return MaybeFile(sound.value());
}

Result<MaybeFile> ReadOgg(const ByteSource& file) {
  const Result<std::optional<SoundHeader>> header = ReadOggHeader(file);
  if (!header.ok()) return header.error();
  if (!header.value()) return MaybeFile();
  return MaybeFile(SoundFile{*header.value(), SoundOddity::kNone});
}

Result<MaybeFile> ReadMp3(const ByteSource& file, uint64_t begin) {
  const Result<bool> is_mp3 = IsMp3(file, begin);
  if (!is_mp3.ok()) return is_mp3.error();
  if (!is_mp3.value()) {
    if (begin == 0) return MaybeFile();
    return Error{RejectCode::kBadHeader,
                 "neither MP3 nor FLAC follows its ID3 tag"};
  }
  return WithOddity(ReadMp3Header(file, begin));
}

// Reads a file of any format but WAV; nothing if it is in none of them.
Result<MaybeFile> ReadOtherFormat(const ByteSource& file) {
  const Result<uint64_t> begin = EndOfId3Tags(file);
  if (!begin.ok()) return begin.error();
  std::array<std::byte, 12> buffer;
  const auto head = std::span(buffer).first(static_cast<size_t>(
      std::min<uint64_t>(buffer.size(), file.size_bytes() - begin.value())));
  const Result<void> read = file.ReadAt(begin.value(), head);
  if (!read.ok()) return read.error();
  if (BeginsWith(head, "fLaC")) {
    return WithoutOddity(ReadFlacHeader(file, begin.value()));
  }
  if (begin.value() == 0 && BeginsWith(head, "OggS")) return ReadOgg(file);
  if (begin.value() == 0 && BeginsWith(head, "NIST_1A\n")) {
    return WithoutOddity(ReadSphereHeader(file));
  }
  if (begin.value() == 0) {
    if (BeginsWith(head, ".snd") || BeginsWith(head, "dns.")) {
      return WithOddity(ReadAuHeader(file));
    }
    if (BeginsWith(head, "caff")) return WithOddity(ReadCafHeader(file));
    if (BeginsWith(head, "FORM") && head.size() == 12 &&
        (BeginsWith(head.subspan(8), "AIFF") ||
         BeginsWith(head.subspan(8), "AIFC"))) {
      return WithoutOddity(ReadAiffHeader(file));
    }
  }
  return ReadMp3(file, begin.value());
}

bool MayBeWav(std::span<const std::byte> prefix) {
  return BeginsWith(prefix, "RIFF") || BeginsWith(prefix, "RIFX") ||
         BeginsWith(prefix, "RF64");
}

}  // namespace

Result<SoundFile> ReadSoundFile(std::span<const std::byte> prefix,
                                const ByteSource& file) {
  if (!MayBeWav(prefix)) {
    const Result<MaybeFile> other = ReadOtherFormat(PrefixSource(prefix, file));
    if (!other.ok()) return other.error();
    if (other.value()) return *other.value();
  }
  return ReadWavFile(prefix, file);
}

Result<SoundHeader> ReadSoundHeader(std::span<const std::byte> prefix,
                                    const ByteSource& file) {
  if (!MayBeWav(prefix)) {
    const Result<MaybeFile> other = ReadOtherFormat(PrefixSource(prefix, file));
    if (!other.ok()) return other.error();
    if (other.value()) return other.value()->header;
  }
  return ReadWavHeader(prefix, file);
}

Result<void> CheckSoundFile(const SoundHeader& header, const ByteSource& file) {
  switch (header.encoding) {
    case SampleEncoding::kMp3:
      return CheckMp3Frames(file);
    case SampleEncoding::kVorbis:
    case SampleEncoding::kOpus:
      return CheckOggPages(header, file);
    default:
      return {};
  }
}

}  // namespace melmill
