#ifndef MELMILL_DSP_FEATURES_FEATURE_CLAMP_H_
#define MELMILL_DSP_FEATURES_FEATURE_CLAMP_H_

#include <cstdint>
#include <span>

namespace melmill {

// Replace every value below `floor` by `floor`. No NaN. To clamp rounded values
// at the rounded floor is to round clamped values, since rounding keeps order.
//
// The first takes bits of float16 or of bfloat16, which are in the same order;
// there +0 replaces -0.
void RaiseToFloor(std::span<uint16_t> values, uint16_t floor);
void RaiseToFloor(std::span<float> values, float floor);

}  // namespace melmill

#endif  // MELMILL_DSP_FEATURES_FEATURE_CLAMP_H_
