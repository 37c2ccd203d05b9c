#ifndef MELMILL_DSP_SIMD_HIGHWAY_TARGETS_H_
#define MELMILL_DSP_SIMD_HIGHWAY_TARGETS_H_

// The instruction sets that the Highway sources are compiled for: AVX-512,
// AVX2, SSE4, NEON, and the plain fallback that Highway requires. Any other set
// would be compiled and shipped for rare processors (SSSE3), or untested and
// covered by NEON (SVE).
//
// Each source that uses Highway must include this before any of its headers, so
// that all sources agree on the sets. This header includes nothing.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)

// The address of `name` in the HWY_NAMESPACE of a SimdTarget. It is null if no
// code is compiled for that target. Needs highway.h.
#define MELMILL_OF_TARGET(target, name)                    \
  ((target) == SimdTarget::kAvx512 ? HWY_CHOOSE_AVX3(name) \
   : (target) == SimdTarget::kAvx2 ? HWY_CHOOSE_AVX2(name) \
   : (target) == SimdTarget::kSse4 ? HWY_CHOOSE_SSE4(name) \
   : (target) == SimdTarget::kNeon ? HWY_CHOOSE_NEON(name) \
                                   : nullptr)

#endif  // MELMILL_DSP_SIMD_HIGHWAY_TARGETS_H_
