#ifndef MELMILL_TESTS_SUPPORT_FLAC_FIELDS_H_
#define MELMILL_TESTS_SUPPORT_FLAC_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace melmill {

// A field of the eight bytes of STREAMINFO that say what its samples are.
struct FlacField {
  int shift;
  int num_bits;
};
inline constexpr FlacField kFlacRate = {44, 20};
inline constexpr FlacField kFlacChannelsLessOne = {41, 3};
inline constexpr FlacField kFlacBitsLessOne = {36, 5};
inline constexpr FlacField kFlacTotal = {0, 36};

// Replaces a field of a FLAC file that begins with "fLaC".
inline void SetStreamInfo(FlacField field, uint64_t value,
                          std::vector<std::byte>* flac) {
  uint64_t packed = 0;
  for (size_t i = 18; i < 26; ++i) {
    packed = packed << 8 | std::to_integer<uint64_t>((*flac)[i]);
  }
  const uint64_t mask = ((uint64_t{1} << field.num_bits) - 1) << field.shift;
  packed = (packed & ~mask) | value << field.shift;
  for (size_t i = 26; i-- > 18; packed >>= 8) {
    (*flac)[i] = static_cast<std::byte>(packed & 0xFF);
  }
}

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_FLAC_FIELDS_H_
