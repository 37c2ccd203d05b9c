#ifndef MELMILL_TESTS_SUPPORT_OGG_CHECKSUMS_H_
#define MELMILL_TESTS_SUPPORT_OGG_CHECKSUMS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace melmill {

// The checksum of an Ogg page, in the plainest way (RFC 3533, section 6): its
// own four bytes count as zeros.
inline uint32_t OggPageChecksum(const uint8_t* page, size_t size) {
  uint32_t crc = 0;
  for (size_t i = 0; i < size; ++i) {
    crc ^= static_cast<uint32_t>(i >= 22 && i < 26 ? 0 : page[i]) << 24;
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc << 1 ^ ((crc >> 31) != 0 ? 0x04C11DB7u : 0u);
    }
  }
  return crc;
}

// Gives each whole page of a file its checksum.
inline void RepairOggChecksums(uint8_t* data, size_t size) {
  for (size_t at = 0; size - at >= 27;) {
    if (std::memcmp(data + at, "OggS", 4) != 0) {
      ++at;
      continue;
    }
    const size_t num_segments = data[at + 26];
    size_t num_bytes = 27 + num_segments;
    if (num_bytes > size - at) return;
    for (size_t i = 0; i < num_segments; ++i) num_bytes += data[at + 27 + i];
    if (num_bytes > size - at) return;
    const uint32_t crc = OggPageChecksum(data + at, num_bytes);
    for (size_t i = 0; i < 4; ++i) {
      data[at + 22 + i] = static_cast<uint8_t>(crc >> (8 * i));
    }
    at += num_bytes;
  }
}

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_OGG_CHECKSUMS_H_
