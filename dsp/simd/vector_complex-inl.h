// Vectors of floats and of complex numbers, one value in each lane. Fused
// multiply-adds are written out, so that every target that has them computes
// the same bits.

// This guard admits the file once for each target.
#if defined(MELMILL_DSP_SIMD_VECTOR_COMPLEX_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef MELMILL_DSP_SIMD_VECTOR_COMPLEX_INL_H_
#undef MELMILL_DSP_SIMD_VECTOR_COMPLEX_INL_H_
#else
#define MELMILL_DSP_SIMD_VECTOR_COMPLEX_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "dsp/simd/twiddle.h"

HWY_BEFORE_NAMESPACE();
namespace melmill {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using Float = hn::Vec<FloatTag>;
inline constexpr int kLanes = static_cast<int>(hn::MaxLanes(FloatTag()));

HWY_INLINE Float Broadcast(float value) { return hn::Set(FloatTag(), value); }
HWY_INLINE Float LoadFloat(const float* from) {
  return hn::Load(FloatTag(), from);
}
HWY_INLINE void StoreFloat(Float value, float* to) {
  hn::Store(value, FloatTag(), to);
}

struct Complex {
  Float re;
  Float im;
};

HWY_INLINE Complex operator+(Complex x, Complex y) {
  return {hn::Add(x.re, y.re), hn::Add(x.im, y.im)};
}
HWY_INLINE Complex operator-(Complex x, Complex y) {
  return {hn::Sub(x.re, y.re), hn::Sub(x.im, y.im)};
}
// x + factor * y
HWY_INLINE Complex MulAdd(Float factor, Complex y, Complex x) {
  return {hn::MulAdd(factor, y.re, x.re), hn::MulAdd(factor, y.im, x.im)};
}
// x - factor * y
HWY_INLINE Complex NegMulAdd(Float factor, Complex y, Complex x) {
  return {hn::NegMulAdd(factor, y.re, x.re), hn::NegMulAdd(factor, y.im, x.im)};
}
// x - i * factor * y
HWY_INLINE Complex MulAddMinusI(Float factor, Complex y, Complex x) {
  return {hn::MulAdd(factor, y.im, x.re), hn::NegMulAdd(factor, y.re, x.im)};
}
// x + i * factor * y
HWY_INLINE Complex MulAddPlusI(Float factor, Complex y, Complex x) {
  return {hn::NegMulAdd(factor, y.im, x.re), hn::MulAdd(factor, y.re, x.im)};
}
// x (cosine - i sine)
HWY_INLINE Complex Rotate(Complex x, const Twiddle& w) {
  const Float c = Broadcast(w.cosine);
  const Float s = Broadcast(w.sine);
  return {hn::MulAdd(s, x.im, hn::Mul(c, x.re)),
          hn::NegMulAdd(s, x.re, hn::Mul(c, x.im))};
}

// The DFT of 5; out[stride * p] is bin p.
HWY_INLINE void Dft5(Complex a, Complex b, Complex c, Complex d, Complex e,
                     Complex* out, int stride) {
  const Float k1 = Broadcast(0.309016994374947424f);   // cos(2 pi / 5)
  const Float k2 = Broadcast(-0.809016994374947424f);  // cos(4 pi / 5)
  const Float s1 = Broadcast(0.951056516295153572f);   // sin(2 pi / 5)
  const Float s2_by_s1 = Broadcast(0.618033988749894848f);
  const Complex be = b + e;
  const Complex cd = c + d;
  const Complex b_e = b - e;
  const Complex c_d = c - d;
  out[0] = a + (be + cd);
  const Complex even1 = MulAdd(k2, cd, MulAdd(k1, be, a));
  const Complex even2 = MulAdd(k1, cd, MulAdd(k2, be, a));
  const Complex odd1 = MulAdd(s2_by_s1, c_d, b_e);
  const Complex odd2 = {hn::MulSub(s2_by_s1, b_e.re, c_d.re),
                        hn::MulSub(s2_by_s1, b_e.im, c_d.im)};
  out[stride] = MulAddMinusI(s1, odd1, even1);
  out[4 * stride] = MulAddPlusI(s1, odd1, even1);
  out[2 * stride] = MulAddMinusI(s1, odd2, even2);
  out[3 * stride] = MulAddPlusI(s1, odd2, even2);
}

}  // namespace HWY_NAMESPACE
}  // namespace melmill
HWY_AFTER_NAMESPACE();

#endif  // MELMILL_DSP_SIMD_VECTOR_COMPLEX_INL_H_
