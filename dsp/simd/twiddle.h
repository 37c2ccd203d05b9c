#ifndef MELMILL_DSP_SIMD_TWIDDLE_H_
#define MELMILL_DSP_SIMD_TWIDDLE_H_

namespace melmill {

// The complex number cosine - i sine of an angle.
struct Twiddle {
  float cosine;
  float sine;
};

}  // namespace melmill

#endif  // MELMILL_DSP_SIMD_TWIDDLE_H_
