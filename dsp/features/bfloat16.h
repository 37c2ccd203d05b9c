#ifndef MELMILL_DSP_FEATURES_BFLOAT16_H_
#define MELMILL_DSP_FEATURES_BFLOAT16_H_

#include <cstdint>

namespace melmill {

// The bfloat16 nearest to a float, as bits: the upper half of a float's. Ties
// round to even. Values beyond the largest bfloat16 by half a unit or more
// become infinity; NaN stays NaN.

// Rounds to nearest, ties to even. Values beyond the largest bfloat16 by half
// a unit or more become infinity; NaN stays NaN.
uint16_t FloatToBfloat16(float value);

}  // namespace melmill

#endif  // MELMILL_DSP_FEATURES_BFLOAT16_H_
