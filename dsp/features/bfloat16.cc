#include "dsp/features/bfloat16.h"

#include <bit>

namespace melmill {

uint16_t FloatToBfloat16(float value) {
  constexpr uint32_t kMagnitude = 0x7fffffffu;
  constexpr uint32_t kInfinity = 0x7f800000u;
  constexpr uint32_t kQuiet = 0x0040u;
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  // A tie carries only if the last kept bit is odd, which rounds it to even. A
  // carry out of the fraction gives the next exponent, as it should.
  const uint32_t last_kept_bit = (bits >> 16) & 1;
  const uint32_t rounded = (bits + 0x7fff + last_kept_bit) >> 16;
  const uint32_t nan = (bits >> 16) | kQuiet;
  return static_cast<uint16_t>((bits & kMagnitude) > kInfinity ? nan : rounded);
}

}  // namespace melmill
