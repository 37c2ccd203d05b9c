// The two halves of the kernel's DFT of 400 = 16 * 25 (log_mel_tables.h), one
// transform per vector lane. Fused multiply-adds are written out, so that every
// target that has them computes the same bits. They are used wherever possible,
// because each saves a rounding. Variants with fewer multiplications were 2 to
// 3 % faster on a processor that multiplies while it adds, but their errors
// were a fifth larger (bench/studies/NOTEBOOK.md).

// This guard admits the file once for each target.
#if defined(MELMILL_DSP_LOG_MEL_LOG_MEL_FFT_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef MELMILL_DSP_LOG_MEL_LOG_MEL_FFT_INL_H_
#undef MELMILL_DSP_LOG_MEL_LOG_MEL_FFT_INL_H_
#else
#define MELMILL_DSP_LOG_MEL_LOG_MEL_FFT_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "dsp/log_mel/log_mel_tables.h"
#include "dsp/simd/vector_complex-inl.h"

HWY_BEFORE_NAMESPACE();
namespace melmill {
namespace HWY_NAMESPACE {

HWY_INLINE Float SquaredMagnitude(Complex x) {
  return hn::MulAdd(x.re, x.re, hn::Mul(x.im, x.im));
}

// Residues 0 to 8 of the DFT of 16 real inputs; the rest are their mirrors.
struct HalfSpectrum16 {
  Float bin0;
  Complex bins[7];  // 1 to 7
  Float bin8;
};

// The even residues: the DFT of the 8 sums x[a] + x[a + 8].
HWY_INLINE void EvenResidues(const Float* sums, HalfSpectrum16* out) {
  const Float half_root = Broadcast(0.70710678118654752f);
  const Float s04 = hn::Add(sums[0], sums[4]);
  const Float d04 = hn::Sub(sums[0], sums[4]);
  const Float s26 = hn::Add(sums[2], sums[6]);
  const Float d26 = hn::Sub(sums[2], sums[6]);
  const Float s15 = hn::Add(sums[1], sums[5]);
  const Float d15 = hn::Sub(sums[1], sums[5]);
  const Float s37 = hn::Add(sums[3], sums[7]);
  const Float d37 = hn::Sub(sums[3], sums[7]);
  const Float even = hn::Add(s04, s26);
  const Float odd = hn::Add(s15, s37);
  out->bin0 = hn::Add(even, odd);
  out->bin8 = hn::Sub(even, odd);
  out->bins[3] = {hn::Sub(s04, s26), hn::Sub(s37, s15)};
  const Float p = hn::Sub(d15, d37);
  const Float q = hn::Add(d15, d37);
  out->bins[1] = {hn::MulAdd(half_root, p, d04),
                  hn::NegMulSub(half_root, q, d26)};
  out->bins[5] = {hn::NegMulAdd(half_root, p, d04),
                  hn::NegMulAdd(half_root, q, d26)};
}

// The odd residues, from the 8 differences x[a] - x[a + 8].
HWY_INLINE void OddResidues(const Float* differences, HalfSpectrum16* out) {
  const Float half_root = Broadcast(0.70710678118654752f);
  const Float cosine = Broadcast(0.92387953251128674f);   // of pi / 8
  const Float tangent = Broadcast(0.41421356237309505f);  // of pi / 8
  const Float* d = differences;
  // The even a give E1 = e1_re - i e1_im and E3 = e3_re + i e3_im.
  const Float p = hn::Sub(d[2], d[6]);
  const Float q = hn::Add(d[2], d[6]);
  const Float e1_re = hn::MulAdd(half_root, p, d[0]);
  const Float e3_re = hn::NegMulAdd(half_root, p, d[0]);
  const Float e1_im = hn::MulAdd(half_root, q, d[4]);
  const Float e3_im = hn::NegMulAdd(half_root, q, d[4]);
  // The odd a give O1 = o1_re - i o1_im and O3 = o3_re + i o3_im.
  const Float r = hn::Sub(d[3], d[7]);
  const Float s = hn::Add(d[3], d[7]);
  const Float o1_re = hn::MulAdd(half_root, r, d[1]);
  const Float o3_re = hn::NegMulAdd(half_root, r, d[1]);
  const Float o1_im = hn::MulAdd(half_root, s, d[5]);
  const Float o3_im = hn::NegMulAdd(half_root, s, d[5]);
  // X1 = E1 + W O1 and X7 = conj(E1 - W O1) with W = cosine (1 - i tangent).
  const Float u_re = hn::NegMulAdd(tangent, o1_im, o1_re);
  const Float u_im = hn::MulAdd(tangent, o1_re, o1_im);
  out->bins[0] = {hn::MulAdd(cosine, u_re, e1_re),
                  hn::NegMulSub(cosine, u_im, e1_im)};
  out->bins[6] = {hn::NegMulAdd(cosine, u_re, e1_re),
                  hn::NegMulAdd(cosine, u_im, e1_im)};
  // X3 and X5 come in the same way from E3, O3 and W^3 = cosine (tangent - i).
  const Float v_re = hn::MulAdd(tangent, o3_re, o3_im);
  const Float v_im = hn::MulSub(tangent, o3_im, o3_re);
  out->bins[2] = {hn::MulAdd(cosine, v_re, e3_re),
                  hn::MulAdd(cosine, v_im, e3_im)};
  out->bins[4] = {hn::NegMulAdd(cosine, v_re, e3_re),
                  hn::MulSub(cosine, v_im, e3_im)};
}

// The DFT of 16 samples times their window values. Each sample is a vector.
HWY_INLINE HalfSpectrum16 WindowedDft16(const float* samples,
                                        const float* window) {
  Float sums[8];
  Float differences[8];
  for (int a = 0; a < 8; ++a) {
    const Float low =
        hn::Mul(LoadFloat(samples + kLanes * a), Broadcast(window[a]));
    const Float high = LoadFloat(samples + kLanes * (a + 8));
    const Float high_window = Broadcast(window[a + 8]);
    sums[a] = hn::MulAdd(high, high_window, low);
    differences[a] = hn::NegMulAdd(high, high_window, low);
  }
  HalfSpectrum16 spectrum;
  EvenResidues(sums, &spectrum);
  OddResidues(differences, &spectrum);
  return spectrum;
}

// The first stage of a DFT of 25: with b = b0 + 5 b1, the DFTs over b1. Reads
// [25][re, im] vectors and writes middle[5 q + b0].
HWY_INLINE void Dft25FirstStage(const float* in, Complex* middle) {
  const auto load = [in](int b) HWY_ATTR -> Complex {
    return {LoadFloat(in + 2 * kLanes * b),
            LoadFloat(in + 2 * kLanes * b + kLanes)};
  };
#pragma GCC unroll 5
  for (int b = 0; b < 5; ++b) {
    Dft5(load(b), load(b + 5), load(b + 10), load(b + 15), load(b + 20),
         middle + b, 5);
  }
}

// The second stage for one q: out[p] is bin q + 5 p.
HWY_INLINE void Dft25SecondStage(const Complex* middle,
                                 const LogMelTables& tables, int q,
                                 Complex* out) {
  const Complex* u = middle + 5 * q;
  if (q == 0) {
    Dft5(u[0], u[1], u[2], u[3], u[4], out, 1);
  } else {
    const auto& w = tables.twiddles[static_cast<size_t>(q)];
    Dft5(u[0], Rotate(u[1], w[1]), Rotate(u[2], w[2]), Rotate(u[3], w[3]),
         Rotate(u[4], w[4]), out, 1);
  }
}

// Replaces the 25 complex vectors at `data` by the 25 powers of their DFT, in
// the order 5 q + p.
HWY_INLINE void PowersOfDft25(float* data, const LogMelTables& tables) {
  Complex middle[25];
  Dft25FirstStage(data, middle);
  for (int q = 0; q < 5; ++q) {
    Complex bins[5];
    Dft25SecondStage(middle, tables, q, bins);
    for (int p = 0; p < 5; ++p) {
      StoreFloat(SquaredMagnitude(bins[p]), data + kLanes * (5 * q + p));
    }
  }
}

// Does the same for two real transforms packed as one complex one. Writes the
// 13 powers of the first, then the 13 of the second, in natural order.
HWY_INLINE void PowersOfTwoRealDft25(float* data, const LogMelTables& tables) {
  Complex middle[25];
  Complex bins[25];
  Dft25FirstStage(data, middle);
  for (int q = 0; q < 5; ++q) {
    Complex out[5];
    Dft25SecondStage(middle, tables, q, out);
    for (int p = 0; p < 5; ++p) bins[q + 5 * p] = out[p];
  }
  const Float quarter = Broadcast(0.25f);
  for (int k = 0; k <= 12; ++k) {
    const Complex x = bins[k];
    const Complex y = bins[(25 - k) % 25];
    const Complex first = {hn::Add(x.re, y.re), hn::Sub(x.im, y.im)};
    const Complex second = {hn::Add(x.im, y.im), hn::Sub(y.re, x.re)};
    StoreFloat(hn::Mul(quarter, SquaredMagnitude(first)), data + kLanes * k);
    StoreFloat(hn::Mul(quarter, SquaredMagnitude(second)),
               data + kLanes * (13 + k));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace melmill
HWY_AFTER_NAMESPACE();

#endif  // MELMILL_DSP_LOG_MEL_LOG_MEL_FFT_INL_H_
