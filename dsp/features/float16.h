#ifndef MELMILL_DSP_FEATURES_FLOAT16_H_
#define MELMILL_DSP_FEATURES_FLOAT16_H_

#include <cstdint>

namespace melmill {

// IEEE 754 binary16 values, held as their bits.

// Rounds to nearest, ties to even. Values beyond 65504 by half a unit or more
// become infinity; NaN stays NaN.
uint16_t FloatToHalf(float value);

// Exact.
float HalfToFloat(uint16_t half);

}  // namespace melmill

#endif  // MELMILL_DSP_FEATURES_FLOAT16_H_
