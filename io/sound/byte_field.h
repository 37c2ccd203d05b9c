#ifndef MELMILL_IO_SOUND_BYTE_FIELD_H_
#define MELMILL_IO_SOUND_BYTE_FIELD_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace melmill {

// The unsigned number that at most 8 bytes hold, the first or the last byte
// being the most significant one.
inline uint64_t BigEndian(std::span<const std::byte> bytes) {
  uint64_t number = 0;
  for (const std::byte b : bytes) {
    number = number << 8 | std::to_integer<uint64_t>(b);
  }
  return number;
}
inline uint64_t LittleEndian(std::span<const std::byte> bytes) {
  uint64_t number = 0;
  for (size_t i = bytes.size(); i-- > 0;) {
    number = number << 8 | std::to_integer<uint64_t>(bytes[i]);
  }
  return number;
}

// Whether `bytes` begin with `text`.
inline bool BeginsWith(std::span<const std::byte> bytes,
                       std::string_view text) {
  return bytes.size() >= text.size() &&
         std::equal(text.begin(), text.end(), bytes.begin(),
                    [](char c, std::byte b) {
                      return static_cast<std::byte>(c) == b;
                    });
}

}  // namespace melmill

#endif  // MELMILL_IO_SOUND_BYTE_FIELD_H_
