// Mutates Ogg files and then, mostly, repairs the checksums of their pages:
// otherwise nearly every mutation would be refused for them.

#include <cstddef>
#include <cstdint>
#include <cstring>

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

uint32_t PageCrc(const uint8_t* page, size_t size) {
  uint32_t crc = 0;
  for (size_t i = 0; i < size; ++i) {
    crc ^= static_cast<uint32_t>(i >= 22 && i < 26 ? 0 : page[i]) << 24;
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc << 1 ^ ((crc >> 31) != 0 ? 0x04C11DB7u : 0u);
    }
  }
  return crc;
}

void RepairChecksums(uint8_t* data, size_t size) {
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
    const uint32_t crc = PageCrc(data + at, num_bytes);
    for (size_t i = 0; i < 4; ++i) {
      data[at + 22 + i] = static_cast<uint8_t>(crc >> (8 * i));
    }
    at += num_bytes;
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 16 != 0) RepairChecksums(data, size);
  return size;
}
