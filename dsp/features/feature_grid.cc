#include "dsp/features/feature_grid.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace melmill {

// Rounds as vector code does, in the rounding mode that programs start in.
uint16_t GridStep(float value) {
  const float steps = (value - kGridOrigin) * kGridStepsPerUnit;
  constexpr float kMost = std::numeric_limits<uint16_t>::max();
  return static_cast<uint16_t>(std::nearbyint(std::clamp(steps, 0.0f, kMost)));
}

}  // namespace melmill
