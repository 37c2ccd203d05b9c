#ifndef MELMILL_DSP_SIMD_SIMD_TARGET_H_
#define MELMILL_DSP_SIMD_SIMD_TARGET_H_

#include <optional>
#include <string_view>
#include <vector>

namespace melmill {

// The instruction sets that vector code is compiled for.
enum class SimdTarget {
  kAvx512,  // F, BW, CD, DQ, VL
  kAvx2,    // with FMA and F16C
  kSse4,    // 4.2; no fused multiply-add
  kNeon,    // AArch64
};

std::string_view SimdTargetName(SimdTarget target);  // "avx512", "avx2", ...
std::optional<SimdTarget> FindSimdTarget(std::string_view name);

// Whether a * b + c is rounded once. All targets for which this is true give
// the same bits.
bool FusesMultiplyAdd(SimdTarget target);

// The targets that this machine supports, best first. The list may be empty.
std::vector<SimdTarget> SupportedSimdTargets();

}  // namespace melmill

#endif  // MELMILL_DSP_SIMD_SIMD_TARGET_H_
