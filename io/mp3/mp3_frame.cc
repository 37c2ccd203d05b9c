#include "io/mp3/mp3_frame.h"

namespace melmill {

std::optional<Mp3Frame> ParseMp3Frame(std::span<const std::byte> bytes) {
  if (bytes.size() < kMp3HeaderBytes) return std::nullopt;
  const auto byte = [&](size_t i) {
    return std::to_integer<unsigned>(bytes[i]);
  };
  // 11 bits of synchronisation, 2 of the version, 2 of the layer (1: III).
  if (byte(0) != 0xFF || (byte(1) & 0xE6) != 0xE2) return std::nullopt;
  const unsigned version = byte(1) >> 3 & 3;  // 3: MPEG-1, 2: 2, 0: 2.5
  const unsigned bit_rate = byte(2) >> 4;
  const unsigned rate = byte(2) >> 2 & 3;
  if (version == 1 || bit_rate == 0 || bit_rate == 15 || rate == 3) {
    return std::nullopt;
  }
  static constexpr int kRatesHz[] = {44100, 48000, 32000};
  static constexpr int kKilobits1[] = {0,   32,  40,  48,  56,  64,  80, 96,
                                       112, 128, 160, 192, 224, 256, 320};
  static constexpr int kKilobits2[] = {0,  8,  16, 24,  32,  40,  48, 56,
                                       64, 80, 96, 112, 128, 144, 160};
  const bool is_mpeg1 = version == 3;
  const bool is_mono = byte(3) >> 6 == 3;
  Mp3Frame frame;
  frame.sample_rate_hz = kRatesHz[rate] / (is_mpeg1 ? 1 : version == 2 ? 2 : 4);
  frame.num_channels = is_mono ? 1 : 2;
  frame.num_samples = is_mpeg1 ? 1152 : 576;
  frame.side_info_bytes = is_mpeg1 ? (is_mono ? 17 : 32) : (is_mono ? 9 : 17);
  const int bits_per_s =
      1000 * (is_mpeg1 ? kKilobits1[bit_rate] : kKilobits2[bit_rate]);
  const int bytes_by_rate = frame.num_samples / 8 * bits_per_s;
  frame.num_bytes =
      static_cast<uint64_t>(bytes_by_rate / frame.sample_rate_hz) +
      (byte(2) >> 1 & 1);
  return frame;
}

}  // namespace melmill
