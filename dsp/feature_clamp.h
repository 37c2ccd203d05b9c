#ifndef MELMILL_DSP_FEATURE_CLAMP_H_
#define MELMILL_DSP_FEATURE_CLAMP_H_

#include <cstdint>
#include <span>

namespace melmill {

// Replace every value below `floor` by `floor`; +0 replaces -0 in halves. No
// NaN. To clamp rounded values at the rounded floor is to round clamped
// values, since rounding keeps order.
void RaiseHalves(std::span<uint16_t> halves, uint16_t floor);  // IEEE binary16
void RaiseFloats(std::span<float> values, float floor);

}  // namespace melmill

#endif  // MELMILL_DSP_FEATURE_CLAMP_H_
