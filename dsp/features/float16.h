#ifndef MELMILL_DSP_FEATURES_FLOAT16_H_
#define MELMILL_DSP_FEATURES_FLOAT16_H_

#include <cstdint>

namespace melmill {

// The IEEE 754 binary16 value nearest to a float, as bits. Ties round to even.
// Values beyond 65504 by half a unit or more become infinity; NaN stays NaN.

// Rounds to nearest, ties to even. Values beyond 65504 by half a unit or more
// become infinity; NaN stays NaN.
uint16_t FloatToHalf(float value);

}  // namespace melmill

#endif  // MELMILL_DSP_FEATURES_FLOAT16_H_
