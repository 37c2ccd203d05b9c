#ifndef MELMILL_DSP_FEATURES_FEATURE_CLAMP_H_
#define MELMILL_DSP_FEATURES_FEATURE_CLAMP_H_

#include <cstdint>
#include <span>

namespace melmill {

// Both functions replace every value below `floor` by `floor`. Neither value
// nor floor may be NaN. Rounding keeps order, so clamping rounded values at the
// rounded floor gives the same as rounding clamped values.
//
// The first function takes the bits of float16 or bfloat16 values, whose order
// is the same. If the floor is +0, it also replaces -0.
void RaiseToFloor(std::span<uint16_t> values, uint16_t floor);
void RaiseToFloor(std::span<float> values, float floor);

}  // namespace melmill

#endif  // MELMILL_DSP_FEATURES_FEATURE_CLAMP_H_
