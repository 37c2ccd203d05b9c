#include "dsp/simd/simd_target.h"

#include "dsp/simd/highway_targets.h"
// highway_targets.h must come before Highway's headers.
#include <hwy/targets.h>

#include <cstdint>

namespace melmill {
namespace {

struct Known {
  SimdTarget target;
  std::string_view name;
  int64_t highway_bit;
};

// Best first.
constexpr Known kKnown[] = {
    {SimdTarget::kAvx512, "avx512", HWY_AVX3},
    {SimdTarget::kAvx2, "avx2", HWY_AVX2},
    {SimdTarget::kNeon, "neon", HWY_NEON},
    {SimdTarget::kSse4, "sse4", HWY_SSE4},
};

}  // namespace

std::string_view SimdTargetName(SimdTarget target) {
  for (const Known& known : kKnown) {
    if (known.target == target) return known.name;
  }
  return "";
}

std::optional<SimdTarget> FindSimdTarget(std::string_view name) {
  for (const Known& known : kKnown) {
    if (known.name == name) return known.target;
  }
  return std::nullopt;
}

bool FusesMultiplyAdd(SimdTarget target) { return target != SimdTarget::kSse4; }

std::vector<SimdTarget> SupportedSimdTargets() {
  const int64_t supported = hwy::SupportedTargets() & HWY_TARGETS;
  std::vector<SimdTarget> targets;
  for (const Known& known : kKnown) {
    if ((supported & known.highway_bit) != 0) targets.push_back(known.target);
  }
  return targets;
}

}  // namespace melmill
