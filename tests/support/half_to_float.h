#ifndef MELMILL_TESTS_SUPPORT_HALF_TO_FLOAT_H_
#define MELMILL_TESTS_SUPPORT_HALF_TO_FLOAT_H_

#include <cmath>
#include <cstdint>
#include <limits>

namespace melmill {

// The value of an IEEE 754 binary16 with these bits, by its fields.
inline float HalfToFloat(uint16_t half) {
  const int exponent = (half >> 10) & 0x1f;
  const auto fraction = static_cast<float>(half & 0x3ff);
  float value = 0;
  if (exponent == 0x1f) {
    value = fraction == 0 ? std::numeric_limits<float>::infinity()
                          : std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    value = std::ldexp(fraction, -24);
  } else {
    value = std::ldexp(1024 + fraction, exponent - 25);
  }
  return (half & 0x8000) != 0 ? -value : value;
}

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_HALF_TO_FLOAT_H_
