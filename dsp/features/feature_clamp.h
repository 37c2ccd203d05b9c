#ifndef MELMILL_DSP_FEATURES_FEATURE_CLAMP_H_
#define MELMILL_DSP_FEATURES_FEATURE_CLAMP_H_

#include <cstdint>
#include <span>

namespace melmill {

// RaiseToFloor replaces every value below `floor` by `floor`. Neither value
// nor floor may be NaN. Rounding keeps order, so clamping rounded values at the
// rounded floor gives the same as rounding clamped values.
//
// The first function takes the bits of float16 or bfloat16 values, whose order
// is the same. If the floor is +0, it also replaces -0.
void RaiseToFloor(std::span<uint16_t> values, uint16_t floor);
void RaiseToFloor(std::span<float> values, float floor);

// Counts steps from `base`: those below become 0, those more than 255 above it
// 255. `bytes` has the size of `steps`, and may begin where they begin.
void CountFromBase(std::span<const uint16_t> steps, uint16_t base,
                   uint8_t* bytes);

// Makes bytes count from a base that is higher by `num_steps`.
void RaiseBase(std::span<uint8_t> bytes, uint16_t num_steps);

}  // namespace melmill

#endif  // MELMILL_DSP_FEATURES_FEATURE_CLAMP_H_
