#ifndef MELMILL_DSP_FEATURES_FEATURE_GRID_H_
#define MELMILL_DSP_FEATURES_FEATURE_GRID_H_

#include <cstdint>

namespace melmill {

// 8-bit features: a byte is a step on a grid that all clips share, counted from
// the step of the frame's floor (docs/format.md). Steps are known before the
// floor is, and a byte that was counted from a lower floor is moved to a higher
// one exactly. Of about one clip in 100,000 the maximum is 256 steps above the
// floor, a tie of both roundings: its byte is 255, or one lower if the floor
// rose later.

// Features are from kGridOrigin on, where log10(power_floor) of the presets is.
// The 256 steps from a floor cover a dynamic range of 8, which is 2 features.
inline constexpr float kGridOrigin = -1.5f;
inline constexpr float kGridStepsPerUnit = 127.5f;
inline constexpr float kGridStep = 1 / kGridStepsPerUnit;
// No feature from a floor to 2 above it changes by more: half a step, and the
// rounding errors of both directions.
inline constexpr double kGridLargestError = 0.003923;

// The nearest step, ties to even: (value - kGridOrigin) * kGridStepsPerUnit in
// single precision, rounded. Values below the origin have step 0.
uint16_t GridStep(float value);

// The feature that a byte stands for, `base` being the step of the floor.
inline float GridValue(uint16_t base, uint8_t byte) {
  return static_cast<float>(byte) * kGridStep +
         (static_cast<float>(base) * kGridStep + kGridOrigin);
}

}  // namespace melmill

#endif  // MELMILL_DSP_FEATURES_FEATURE_GRID_H_
