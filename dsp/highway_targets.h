#ifndef MELMILL_DSP_HIGHWAY_TARGETS_H_
#define MELMILL_DSP_HIGHWAY_TARGETS_H_

// To be included before hwy/highway.h by each .cc that holds SIMD code: the
// instruction sets it is compiled for, beside the baseline that Highway adds.
// SSSE3 machines are too old to be worth the code; AVX3_DL adds nothing that
// is used here.

#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)

#endif  // MELMILL_DSP_HIGHWAY_TARGETS_H_
