#ifndef MELMILL_TESTS_SUPPORT_WAV_BUILDER_H_
#define MELMILL_TESTS_SUPPORT_WAV_BUILDER_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "io/sound/sound_header.h"

namespace melmill {

// WAV files for tests, right or wrong in any chosen way. Nothing here uses the
// code under test; the companding laws, too, are implemented again.

inline constexpr SampleEncoding kAllSampleEncodings[] = {
    SampleEncoding::kPcmU8, SampleEncoding::kPcm16,   SampleEncoding::kPcm24,
    SampleEncoding::kPcm32, SampleEncoding::kFloat32, SampleEncoding::kFloat64,
    SampleEncoding::kMuLaw, SampleEncoding::kALaw};

enum class WavContainer { kRiff, kRifx, kRf64 };

struct WavChunk {
  std::string id;  // 4 characters
  std::string content;
  std::optional<uint32_t> claimed_bytes;  // if not the content's size
  bool padded = true;                     // padded to an even size
};

// What BuildWav builds. Values that are not given are made to fit.
struct WavSpec {
  WavContainer container = WavContainer::kRiff;
  SampleEncoding encoding = SampleEncoding::kPcm16;
  int num_channels = 1;
  uint32_t sample_rate_hz = 16000;
  bool extensible = false;

  std::vector<WavChunk> chunks_before_fmt;
  std::vector<WavChunk> chunks_before_data;
  std::vector<WavChunk> chunks_after_data;

  // These are lies.
  std::optional<uint16_t> format_tag;
  std::optional<uint16_t> bits;
  std::optional<uint16_t> block_align;
  std::optional<std::string> fmt_content;
  std::optional<uint32_t> claimed_data_bytes;
  std::optional<uint32_t> claimed_riff_bytes;
  std::optional<uint64_t> ds64_data_bytes;
  std::optional<uint64_t> ds64_riff_bytes;
  bool omit_fmt = false;
  bool omit_data = false;
  bool omit_data_padding = false;
};

// The bytes of an unsigned number, in either order.
inline std::string NumberBytes(uint64_t number, int num_bytes,
                               bool big_endian) {
  std::string bytes(reinterpret_cast<const char*>(&number),
                    static_cast<size_t>(num_bytes));
  if (big_endian) std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

inline std::vector<std::byte> ToBytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline std::string ToString(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// ITU-T G.711: the 16-bit value of a code.
inline int ExpandMuLaw(uint8_t code) {
  const int inverted = ~code & 0xFF;
  const int exponent = inverted >> 4 & 7;
  const int mantissa = inverted & 15;
  const int magnitude = ((2 * mantissa + 33) << (exponent + 2)) - 132;
  return (inverted & 0x80) != 0 ? -magnitude : magnitude;
}

inline int ExpandALaw(uint8_t code) {
  const int toggled = code ^ 0x55;
  const int exponent = toggled >> 4 & 7;
  const int mantissa = toggled & 15;
  const int magnitude = exponent == 0 ? (2 * mantissa + 1) << 3
                                      : (2 * mantissa + 33) << (exponent + 2);
  return (toggled & 0x80) != 0 ? magnitude : -magnitude;
}

// Finds the code whose value is nearest.
class Compander {
 public:
  explicit Compander(int (*expand)(uint8_t)) {
    for (int code = 0; code < 256; ++code) {
      const auto byte = static_cast<uint8_t>(code);
      code_of_.try_emplace(static_cast<float>(expand(byte)), byte);
    }
  }

  uint8_t Compand(float sample) const {
    const float value = sample * 32768.0f;
    const auto above = code_of_.lower_bound(value);
    if (above == code_of_.begin()) return above->second;
    const auto below = std::prev(above);
    if (above == code_of_.end()) return below->second;
    return above->first - value < value - below->first ? above->second
                                                       : below->second;
  }

 private:
  std::map<float, uint8_t> code_of_;  // of two codes for 0, the lower
};

// One sample of a signed type of `bits`, rounded and clipped.
inline int64_t QuantizeSample(float sample, int bits) {
  const double scale = std::ldexp(1.0, bits - 1);
  return static_cast<int64_t>(std::clamp(
      std::nearbyint(static_cast<double>(sample) * scale), -scale, scale - 1));
}

inline std::string EncodeSamples(std::span<const float> samples,
                                 SampleEncoding encoding,
                                 bool big_endian = false) {
  static const Compander kMuLawCodes(ExpandMuLaw);
  static const Compander kALawCodes(ExpandALaw);
  std::string bytes;
  const int num_bytes = BytesPerSample(encoding);
  for (const float sample : samples) {
    uint64_t number = 0;
    switch (encoding) {
      case SampleEncoding::kPcmU8:
        number = static_cast<uint64_t>(QuantizeSample(sample, 8) + 128);
        break;
      case SampleEncoding::kPcmS8:
      case SampleEncoding::kPcm16:
      case SampleEncoding::kPcm24:
      case SampleEncoding::kPcm32:
        number = static_cast<uint64_t>(QuantizeSample(sample, 8 * num_bytes));
        break;
      case SampleEncoding::kFloat32:
        number = std::bit_cast<uint32_t>(sample);
        break;
      case SampleEncoding::kFloat64:
        number = std::bit_cast<uint64_t>(static_cast<double>(sample));
        break;
      case SampleEncoding::kMuLaw:
        number = kMuLawCodes.Compand(sample);
        break;
      case SampleEncoding::kALaw:
        number = kALawCodes.Compand(sample);
        break;
      default:
        throw std::invalid_argument("not plain samples");
    }
    bytes += NumberBytes(number, num_bytes, big_endian);
  }
  return bytes;
}

inline std::string ChunkBytes(const WavChunk& chunk, bool big_endian) {
  const auto claimed =
      chunk.claimed_bytes.value_or(static_cast<uint32_t>(chunk.content.size()));
  std::string bytes =
      chunk.id + NumberBytes(claimed, 4, big_endian) + chunk.content;
  if (chunk.padded && chunk.content.size() % 2 != 0) bytes += '\0';
  return bytes;
}

inline std::string FmtContent(const WavSpec& spec, bool big_endian) {
  const int num_bytes = BytesPerSample(spec.encoding);
  uint16_t tag = 1;
  if (spec.encoding == SampleEncoding::kFloat32 ||
      spec.encoding == SampleEncoding::kFloat64) {
    tag = 3;
  } else if (spec.encoding == SampleEncoding::kALaw) {
    tag = 6;
  } else if (spec.encoding == SampleEncoding::kMuLaw) {
    tag = 7;
  }
  tag = spec.format_tag.value_or(tag);
  const auto bits = spec.bits.value_or(static_cast<uint16_t>(8 * num_bytes));
  const auto block_align = spec.block_align.value_or(
      static_cast<uint16_t>(num_bytes * spec.num_channels));
  const auto number = [&](uint64_t value, int size) {
    return NumberBytes(value, size, big_endian);
  };
  std::string content = number(spec.extensible ? 0xFFFE : tag, 2) +
                        number(static_cast<uint64_t>(spec.num_channels), 2) +
                        number(spec.sample_rate_hz, 4) +
                        number(uint64_t{spec.sample_rate_hz} * block_align, 4) +
                        number(block_align, 2) + number(bits, 2);
  if (spec.extensible) {
    // Size of the extension, valid bits, speakers, then a GUID: the tag and the
    // bytes that all its family have in common.
    content += number(22, 2) + number(bits, 2) + number(0, 4) + number(tag, 4) +
               number(0, 2) + number(0x10, 2) +
               std::string("\x80\x00\x00\xAA\x00\x38\x9B\x71", 8);
  }
  return spec.fmt_content.value_or(content);
}

// A WAV file around the given bytes of samples.
inline std::vector<std::byte> BuildWavAround(const WavSpec& spec,
                                             std::string_view data) {
  const bool big_endian = spec.container == WavContainer::kRifx;
  const bool is_rf64 = spec.container == WavContainer::kRf64;
  std::string body = "WAVE";
  if (is_rf64) {
    const uint64_t claimed = spec.ds64_data_bytes.value_or(data.size());
    body += ChunkBytes(
        {"ds64", std::string(8, '\0') + NumberBytes(claimed, 8, false) +
                     std::string(12, '\0')},
        big_endian);
  }
  const auto append = [&](const std::vector<WavChunk>& chunks) {
    for (const WavChunk& chunk : chunks) body += ChunkBytes(chunk, big_endian);
  };
  append(spec.chunks_before_fmt);
  if (!spec.omit_fmt) {
    body += ChunkBytes({"fmt ", FmtContent(spec, big_endian)}, big_endian);
  }
  append(spec.chunks_before_data);
  if (!spec.omit_data) {
    WavChunk chunk{"data", std::string(data), spec.claimed_data_bytes};
    if (is_rf64 && !chunk.claimed_bytes) chunk.claimed_bytes = 0xFFFFFFFF;
    chunk.padded = !spec.omit_data_padding;
    body += ChunkBytes(chunk, big_endian);
  }
  append(spec.chunks_after_data);
  if (is_rf64) {  // after "WAVE" and the chunk's own header
    body.replace(
        12, 8,
        NumberBytes(spec.ds64_riff_bytes.value_or(body.size()), 8, false));
  }
  const std::string id = big_endian ? "RIFX" : is_rf64 ? "RF64" : "RIFF";
  const uint64_t claimed =
      spec.claimed_riff_bytes.value_or(is_rf64 ? 0xFFFFFFFF : body.size());
  return ToBytes(id + NumberBytes(claimed, 4, big_endian) + body);
}

// A WAV file of the given samples, interleaved, in [-1, 1].
inline std::vector<std::byte> BuildWav(const WavSpec& spec,
                                       std::span<const float> interleaved) {
  return BuildWavAround(spec,
                        EncodeSamples(interleaved, spec.encoding,
                                      spec.container == WavContainer::kRifx));
}

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_WAV_BUILDER_H_
