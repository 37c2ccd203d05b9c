#include "io/sound/sound_file.h"

#include <algorithm>
#include <array>
#include <optional>

#include "io/flac/flac_header.h"
#include "io/sound/byte_field.h"
#include "io/sound/id3_tag.h"
#include "io/sound/prefix_source.h"
#include "io/wav/wav_header.h"

namespace melmill {
namespace {

using MaybeFile = std::optional<SoundFile>;

Result<MaybeFile> WithoutOddity(const Result<SoundHeader>& header) {
  if (!header.ok()) return header.error();
  return MaybeFile(SoundFile{header.value(), SoundOddity::kNone});
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
  return MaybeFile();
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

Result<void> CheckSoundFile(const SoundHeader& /*header*/,
                            const ByteSource& /*file*/) {
  return {};
}

}  // namespace melmill
