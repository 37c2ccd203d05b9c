#ifndef MELMILL_DSP_SIMD_HIGHWAY_TARGETS_H_
#define MELMILL_DSP_SIMD_HIGHWAY_TARGETS_H_

// Which instruction sets the Highway sources are compiled for: AVX-512, AVX2,
// SSE4, NEON, and the plain fallback that Highway requires. Any other set would
// be compiled and shipped for processors that are rare (SSSE3), or untested and
// covered by NEON (SVE).
//
// To be included before any header of Highway, and by each source that uses
// it, so that all agree on the sets; it includes nothing itself.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)

// The address of what the code for one SimdTarget calls `name` in its
// HWY_NAMESPACE; null if no code is compiled for that target. Needs highway.h.
#define MELMILL_OF_TARGET(target, name)                    \
  ((target) == SimdTarget::kAvx512 ? HWY_CHOOSE_AVX3(name) \
   : (target) == SimdTarget::kAvx2 ? HWY_CHOOSE_AVX2(name) \
   : (target) == SimdTarget::kSse4 ? HWY_CHOOSE_SSE4(name) \
   : (target) == SimdTarget::kNeon ? HWY_CHOOSE_NEON(name) \
                                   : nullptr)

#endif  // MELMILL_DSP_SIMD_HIGHWAY_TARGETS_H_
