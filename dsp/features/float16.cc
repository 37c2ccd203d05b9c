#include "dsp/features/float16.h"

#include <bit>

namespace melmill {
namespace {

constexpr uint32_t kSignBit = 0x80000000u;
constexpr uint32_t kFloatInfinity = 0x7f800000u;
constexpr uint32_t kHalfInfinity = 0x7c00u;
constexpr uint32_t kHalfQuietNan = 0x7e00u;

// 65520, half a unit above the largest half: a tie that rounds to infinity.
constexpr uint32_t kOverflow = 0x477ff000u;
// 2^-14, the smallest normal half.
constexpr uint32_t kSmallestNormal = 0x38800000u;

// Bits of a float's fraction that a half has no room for.
constexpr int kDroppedBits = 13;
// The difference of the exponent biases, 127 - 15, at the position of a half's
// exponent.
constexpr uint32_t kBiasDifference = 112u << 10;

}  // namespace

// Computes every case and selects the right one, so that a loop over this
// function becomes vector code.
uint16_t FloatToHalf(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & ~kSignBit;

  // A tie carries only if the last kept bit is odd, which rounds it to even. A
  // carry out of the fraction gives the next exponent, as it should.
  const uint32_t last_kept_bit = (magnitude >> kDroppedBits) & 1;
  const uint32_t normal =
      ((magnitude + 0xfff + last_kept_bit) >> kDroppedBits) - kBiasDifference;

  // The unit of floats in [0.5, 1) is that of subnormal halves, 2^-24, so the
  // addition does the rounding and leaves the result in the fraction.
  const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
  const uint32_t subnormal =
      std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0.5f);

  const uint32_t nan = kHalfQuietNan | ((magnitude >> kDroppedBits) & 0x3ff);

  uint32_t half = magnitude < kSmallestNormal ? subnormal : normal;
  half = magnitude >= kOverflow ? kHalfInfinity : half;
  half = magnitude > kFloatInfinity ? nan : half;
  return static_cast<uint16_t>(half | ((bits & kSignBit) >> 16));
}

}  // namespace melmill
