#include "io/mp3/mp3_tag.h"

#include <algorithm>

#include "io/sound/byte_field.h"

namespace melmill {
namespace {

// A decoder's own delay, which the tag does not count.
constexpr int64_t kDecoderDelay = 529;

}  // namespace

std::optional<Mp3Tag> ParseMp3Tag(const Mp3Frame& frame,
                                  std::span<const std::byte> bytes) {
  bytes = bytes.first(std::min<uint64_t>(bytes.size(), frame.num_bytes));
  const size_t begin = kMp3HeaderBytes + frame.side_info_bytes;
  if (bytes.size() < begin + 8) return std::nullopt;
  std::span<const std::byte> left = bytes.subspan(begin);
  if (!BeginsWith(left, "Xing") && !BeginsWith(left, "Info")) {
    return std::nullopt;
  }
  const uint64_t flags = BigEndian(left.subspan(4, 4));
  left = left.subspan(8);
  Mp3Tag tag;
  static constexpr size_t kFieldBytes[] = {4, 4, 100, 4};
  for (size_t i = 0; i < 4; ++i) {
    if ((flags >> i & 1) == 0) continue;
    if (left.size() < kFieldBytes[i]) return tag;
    if (i == 0) tag.num_frames = BigEndian(left.first(4));
    left = left.subspan(kFieldBytes[i]);
  }
  // The extension begins with the encoder's name; the delays are 12 bits each.
  if (left.size() < 24 || left[0] == std::byte{0}) return tag;
  const uint64_t delays = BigEndian(left.subspan(21, 3));
  tag.delay_samples = static_cast<int64_t>(delays >> 12) + kDecoderDelay;
  tag.padding_samples = std::max<int64_t>(
      static_cast<int64_t>(delays & 0xFFF) - kDecoderDelay, 0);
  return tag;
}

}  // namespace melmill
