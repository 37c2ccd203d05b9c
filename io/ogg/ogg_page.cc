#include "io/ogg/ogg_page.h"

#include <array>

#include "io/sound/byte_field.h"

namespace melmill {
namespace {

// tables[k][b]: the CRC of the byte b with k zero bytes behind it. Polynomial
// 0x04C11DB7, most significant bit first, nothing inverted.
using CrcTables = std::array<std::array<uint32_t, 256>, 8>;

constexpr CrcTables MakeCrcTables() {
  CrcTables tables = {};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b << 24;
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc << 1 ^ ((crc >> 31) != 0 ? 0x04C11DB7u : 0u);
    }
    tables[0][b] = crc;
  }
  for (size_t k = 1; k < tables.size(); ++k) {
    for (size_t b = 0; b < 256; ++b) {
      const uint32_t crc = tables[k - 1][b];
      tables[k][b] = crc << 8 ^ tables[0][crc >> 24];
    }
  }
  return tables;
}

constexpr CrcTables kCrcTables = MakeCrcTables();

uint32_t AddToCrc(uint32_t crc, std::span<const std::byte> bytes) {
  const auto at = [&](size_t k, std::byte b, uint32_t with) {
    return kCrcTables[k][std::to_integer<uint32_t>(b) ^ (with & 0xFF)];
  };
  while (bytes.size() >= 8) {
    crc = at(7, bytes[0], crc >> 24) ^ at(6, bytes[1], crc >> 16) ^
          at(5, bytes[2], crc >> 8) ^ at(4, bytes[3], crc) ^
          at(3, bytes[4], 0) ^ at(2, bytes[5], 0) ^ at(1, bytes[6], 0) ^
          at(0, bytes[7], 0);
    bytes = bytes.subspan(8);
  }
  for (const std::byte b : bytes) crc = crc << 8 ^ at(0, b, crc >> 24);
  return crc;
}

// The checksum of a page, whose own four bytes count as zeros.
uint32_t PageCrc(std::span<const std::byte> page) {
  constexpr std::array<std::byte, 4> kZeros = {};
  uint32_t crc = AddToCrc(0, page.first(22));
  crc = AddToCrc(crc, kZeros);
  return AddToCrc(crc, page.subspan(26));
}

}  // namespace

std::optional<OggPage> ParseOggPage(std::span<const std::byte> bytes) {
  if (bytes.size() < kOggHeaderBytes || !BeginsWith(bytes, "OggS") ||
      bytes[4] != std::byte{0}) {
    return std::nullopt;
  }
  OggPage page;
  const auto num_segments = std::to_integer<size_t>(bytes[26]);
  page.body_begin = kOggHeaderBytes + num_segments;
  if (bytes.size() < page.body_begin) return std::nullopt;
  page.num_bytes = page.body_begin;
  for (const std::byte size : bytes.subspan(kOggHeaderBytes, num_segments)) {
    page.num_bytes += std::to_integer<size_t>(size);
  }
  if (bytes.size() < page.num_bytes) return std::nullopt;
  const auto flags = std::to_integer<unsigned>(bytes[5]);
  page.is_first = (flags & 2) != 0;
  page.is_last = (flags & 4) != 0;
  page.granule = LittleEndian(bytes.subspan(6, 8));
  page.serial = static_cast<uint32_t>(LittleEndian(bytes.subspan(14, 4)));
  page.sequence = static_cast<uint32_t>(LittleEndian(bytes.subspan(18, 4)));
  if (PageCrc(bytes.first(page.num_bytes)) !=
      LittleEndian(bytes.subspan(22, 4))) {
    return std::nullopt;
  }
  return page;
}

}  // namespace melmill
