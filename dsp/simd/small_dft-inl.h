// DFTs of a few values. Each value is a complex vector, with one transform per
// lane.

// This guard admits the file once for each target.
#if defined(MELMILL_DSP_SIMD_SMALL_DFT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MELMILL_DSP_SIMD_SMALL_DFT_INL_H_
#undef MELMILL_DSP_SIMD_SMALL_DFT_INL_H_
#else
#define MELMILL_DSP_SIMD_SMALL_DFT_INL_H_
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <numeric>

#include "dsp/simd/twiddle.h"
#include "dsp/simd/vector_complex-inl.h"

HWY_BEFORE_NAMESPACE();
namespace melmill {
namespace HWY_NAMESPACE {

// x * -i
HWY_INLINE Complex TimesMinusI(Complex x) { return {x.im, hn::Neg(x.re)}; }

// The number below kA * kB that is a modulo kA and b modulo kB. kA and kB are
// coprime.
template <int kA, int kB>
constexpr int WithRemainders(int a, int b) {
  int n = a;
  while (n % kB != b) n += kA;
  return n;
}

// SmallDft<n>::Run replaces n values by their DFT, in order. The general case
// is a size with an odd factor of 3, 5 or 7. It uses the prime factor algorithm
// (Good 1958, Thomas 1963), which needs no twiddle factors between the two
// factors.
template <int kSize>
struct SmallDft {
  static constexpr int kB = kSize % 3 == 0 ? 3 : kSize % 5 == 0 ? 5 : 7;
  static constexpr int kA = kSize / kB;
  static_assert(kA * kB == kSize && std::gcd(kA, kB) == 1);

  static HWY_INLINE void Run(Complex* x) {
    Complex middle[kSize];
#pragma GCC unroll 16
    for (int b = 0; b < kB; ++b) {
      Complex u[kA];
#pragma GCC unroll 16
      for (int a = 0; a < kA; ++a) u[a] = x[(kB * a + kA * b) % kSize];
      SmallDft<kA>::Run(u);
#pragma GCC unroll 16
      for (int a = 0; a < kA; ++a) middle[kB * a + b] = u[a];
    }
#pragma GCC unroll 16
    for (int a = 0; a < kA; ++a) {
      SmallDft<kB>::Run(middle + kB * a);
#pragma GCC unroll 16
      for (int b = 0; b < kB; ++b) {
        x[WithRemainders<kA, kB>(a, b)] = middle[kB * a + b];
      }
    }
  }
};

template <>
struct SmallDft<2> {
  static HWY_INLINE void Run(Complex* x) {
    const Complex difference = x[0] - x[1];
    x[0] = x[0] + x[1];
    x[1] = difference;
  }
};

template <>
struct SmallDft<3> {
  static HWY_INLINE void Run(Complex* x) {
    const Float sine = Broadcast(0.866025403784438647f);  // of 2 pi / 3
    const Complex sum = x[1] + x[2];
    const Complex difference = x[1] - x[2];
    const Complex even = MulAdd(Broadcast(-0.5f), sum, x[0]);
    x[0] = x[0] + sum;
    x[1] = MulAddMinusI(sine, difference, even);
    x[2] = MulAddPlusI(sine, difference, even);
  }
};

template <>
struct SmallDft<4> {
  static HWY_INLINE void Run(Complex* x) {
    const Complex even_sum = x[0] + x[2];
    const Complex even_difference = x[0] - x[2];
    const Complex odd_sum = x[1] + x[3];
    const Complex odd_difference = x[1] - x[3];
    x[0] = even_sum + odd_sum;
    x[2] = even_sum - odd_sum;
    x[1] = {hn::Add(even_difference.re, odd_difference.im),
            hn::Sub(even_difference.im, odd_difference.re)};
    x[3] = {hn::Sub(even_difference.re, odd_difference.im),
            hn::Add(even_difference.im, odd_difference.re)};
  }
};

template <>
struct SmallDft<5> {
  static HWY_INLINE void Run(Complex* x) {
    Complex out[5];
    Dft5(x[0], x[1], x[2], x[3], x[4], out, 1);
#pragma GCC unroll 5
    for (int i = 0; i < 5; ++i) x[i] = out[i];
  }
};

template <>
struct SmallDft<7> {
  static HWY_INLINE void Run(Complex* x) {
    // The values for the angles 2 pi j / 7. The cosine is even in j, the sine
    // odd.
    constexpr float kCosine[] = {0.623489801858733531f, -0.222520933956314404f,
                                 -0.900968867902419126f};
    constexpr float kSine[] = {0.781831482468029809f, 0.974927912181823607f,
                               0.433883739117558120f};
    Complex sum[3];
    Complex difference[3];
#pragma GCC unroll 3
    for (int j = 0; j < 3; ++j) {
      sum[j] = x[j + 1] + x[6 - j];
      difference[j] = x[j + 1] - x[6 - j];
    }
    const Complex first = x[0];
    x[0] = first + (sum[0] + (sum[1] + sum[2]));
#pragma GCC unroll 3
    for (int k = 1; k <= 3; ++k) {
      Complex even = first;
      Complex odd = {hn::Zero(FloatTag()), hn::Zero(FloatTag())};
#pragma GCC unroll 3
      for (int j = 1; j <= 3; ++j) {
        const int angle = j * k % 7;
        const int folded = angle > 3 ? 7 - angle : angle;
        const float sine = angle > 3 ? -kSine[folded - 1] : kSine[folded - 1];
        even = MulAdd(Broadcast(kCosine[folded - 1]), sum[j - 1], even);
        if (j == 1) {
          odd = {hn::Mul(Broadcast(sine), difference[0].re),
                 hn::Mul(Broadcast(sine), difference[0].im)};
        } else {
          odd = MulAdd(Broadcast(sine), difference[j - 1], odd);
        }
      }
      x[k] = {hn::Add(even.re, odd.im), hn::Sub(even.im, odd.re)};
      x[7 - k] = {hn::Sub(even.re, odd.im), hn::Add(even.im, odd.re)};
    }
  }
};

template <>
struct SmallDft<8> {
  static HWY_INLINE void Run(Complex* x) {
    const Float half_root = Broadcast(0.707106781186547524f);
    Complex even[4] = {x[0], x[2], x[4], x[6]};
    Complex odd[4] = {x[1], x[3], x[5], x[7]};
    SmallDft<4>::Run(even);
    SmallDft<4>::Run(odd);
    x[0] = even[0] + odd[0];
    x[4] = even[0] - odd[0];
    x[2] = {hn::Add(even[2].re, odd[2].im), hn::Sub(even[2].im, odd[2].re)};
    x[6] = {hn::Sub(even[2].re, odd[2].im), hn::Add(even[2].im, odd[2].re)};
    // half_root (1 - i) and half_root (-1 - i) are the twiddle factors of
    // odd[1] and odd[3]. The sums below apply half_root.
    const Complex p = {hn::Add(odd[1].re, odd[1].im),
                       hn::Sub(odd[1].im, odd[1].re)};
    const Complex q = {hn::Sub(odd[3].im, odd[3].re),
                       hn::Add(odd[3].re, odd[3].im)};
    x[1] = MulAdd(half_root, p, even[1]);
    x[5] = NegMulAdd(half_root, p, even[1]);
    x[3] = {hn::MulAdd(half_root, q.re, even[3].re),
            hn::NegMulAdd(half_root, q.im, even[3].im)};
    x[7] = {hn::NegMulAdd(half_root, q.re, even[3].re),
            hn::MulAdd(half_root, q.im, even[3].im)};
  }
};

// A DFT of kSide * kSide values, with twiddle factors W^(row column).
template <int kSide>
HWY_INLINE void SquareDft(const Twiddle* powers, Complex* x) {
  Complex middle[kSide * kSide];
#pragma GCC unroll 4
  for (int b = 0; b < kSide; ++b) {
    Complex u[kSide];
#pragma GCC unroll 4
    for (int a = 0; a < kSide; ++a) u[a] = x[kSide * a + b];
    SmallDft<kSide>::Run(u);
#pragma GCC unroll 4
    for (int a = 0; a < kSide; ++a) {
      const int power = a * b;
      middle[kSide * a + b] = power == 0 ? u[a]
                              : 4 * power == kSide * kSide
                                  ? TimesMinusI(u[a])
                                  : Rotate(u[a], powers[power]);
    }
  }
#pragma GCC unroll 4
  for (int a = 0; a < kSide; ++a) {
    SmallDft<kSide>::Run(middle + kSide * a);
#pragma GCC unroll 4
    for (int b = 0; b < kSide; ++b) x[a + kSide * b] = middle[kSide * a + b];
  }
}

template <>
struct SmallDft<9> {
  static HWY_INLINE void Run(Complex* x) {
    constexpr Twiddle kPowers[] = {
        {1.0f, 0.0f},
        {0.766044443118978035f, 0.642787609686539327f},
        {0.173648177666930349f, 0.984807753012208059f},
        {-0.5f, 0.866025403784438647f},
        {-0.939692620785908384f, 0.342020143325668733f}};
    SquareDft<3>(kPowers, x);
  }
};

template <>
struct SmallDft<16> {
  static HWY_INLINE void Run(Complex* x) {
    constexpr float kHalfRoot = 0.707106781186547524f;
    constexpr float kCosine = 0.923879532511286756f;  // of pi / 8
    constexpr float kSine = 0.382683432365089772f;
    constexpr Twiddle kPowers[] = {{1.0f, 0.0f},
                                   {kCosine, kSine},
                                   {kHalfRoot, kHalfRoot},
                                   {kSine, kCosine},
                                   {0.0f, 1.0f},
                                   {-kSine, kCosine},
                                   {-kHalfRoot, kHalfRoot},
                                   {-kCosine, kSine},
                                   {-1.0f, 0.0f},
                                   {-kCosine, -kSine}};
    SquareDft<4>(kPowers, x);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace melmill
HWY_AFTER_NAMESPACE();

#endif  // MELMILL_DSP_SIMD_SMALL_DFT_INL_H_
