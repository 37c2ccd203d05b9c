#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "dsp/log_mel/frame_dft.h"

namespace melmill {
namespace {

using Complex = std::complex<double>;

// Increases whenever the same samples give other bits.
constexpr int kPlainDftRevision = 1;

// Unlike operator*, without a path for infinities, which frames do not have.
Complex Multiply(Complex a, Complex b) {
  return {a.real() * b.real() - a.imag() * b.imag(),
          a.real() * b.imag() + a.imag() * b.real()};
}

std::vector<size_t> PrimeFactors(size_t n) {
  std::vector<size_t> factors;
  for (size_t factor = 2; factor * factor <= n;) {
    if (n % factor == 0) {
      factors.push_back(factor);
      n /= factor;
    } else {
      ++factor;
    }
  }
  if (n > 1) factors.push_back(n);
  return factors;
}

// exp(-2 pi i k / n). The angle is reduced to an eighth of a turn, where sine
// and cosine have the smallest errors.
Complex RootOfUnity(size_t k, size_t n) {
  if (2 * k > n) return std::conj(RootOfUnity(n - k, n));
  if (4 * k > n) {
    // Half a turn minus k / n turns.
    const Complex mirrored = RootOfUnity(n - 2 * k, 2 * n);
    return {-mirrored.real(), mirrored.imag()};
  }
  const double turn = 2 * std::numbers::pi / static_cast<double>(n);
  if (8 * k > n) {
    const double angle =
        turn * (static_cast<double>(n) / 4.0 - static_cast<double>(k));
    return {std::sin(angle), -std::cos(angle)};
  }
  const double angle = turn * static_cast<double>(k);
  return {std::cos(angle), -std::sin(angle)};
}

class PlainWorkspace : public FrameDft::Workspace {
 public:
  explicit PlainWorkspace(size_t n, size_t largest_factor)
      : frame_(n), from(n), to(n), turned(largest_factor) {}

  double* frame() override { return frame_.data(); }

 private:
  std::vector<double> frame_;

 public:
  std::vector<Complex> from;
  std::vector<Complex> to;
  std::vector<Complex> turned;  // the inputs of one small DFT
};

// The mixed-radix DFT of Cooley and Tukey, with prime radices. After the
// factors whose product is l, from[q l + k] is bin k of the DFT of the l
// samples q, q + n/l, q + 2 n/l, ...
class PlainDft : public FrameDft {
 public:
  explicit PlainDft(int n)
      : n_(static_cast<size_t>(n)), factors_(PrimeFactors(n_)) {
    assert(n >= 1);
    for (size_t k = 0; k < n_; ++k) roots_.push_back(RootOfUnity(k, n_));
  }

  std::unique_ptr<Workspace> MakeWorkspace() const override {
    return std::make_unique<PlainWorkspace>(
        n_, factors_.empty() ? 1 : factors_.back());
  }

  std::span<const Complex> Transform(Workspace& workspace) const override {
    auto& work = static_cast<PlainWorkspace&>(workspace);
    std::copy_n(work.frame(), n_, work.from.begin());
    size_t length = 1;
    for (const size_t factor : factors_) {
      Combine(length, factor, work);
      length *= factor;
      std::swap(work.from, work.to);
    }
    return std::span<const Complex>(work.from).first(n_ / 2 + 1);
  }

 private:
  // Makes DFTs of length * factor samples of those of `length` samples.
  void Combine(size_t length, size_t factor, PlainWorkspace& work) const {
    const size_t stride = n_ / (length * factor);
    for (size_t q = 0; q < stride; ++q) {
      for (size_t k = 0; k < length; ++k) {
        for (size_t u = 0; u < factor; ++u) {
          work.turned[u] = Multiply(work.from[(q + u * stride) * length + k],
                                    roots_[u * k * stride]);
        }
        Complex* bins = &work.to[q * length * factor + k];
        for (size_t c = 0; c < factor; ++c) {
          bins[c * length] = SmallDftBin(work.turned, c, factor);
        }
      }
    }
  }

  // Bin c of the DFT of the first `factor` inputs.
  Complex SmallDftBin(const std::vector<Complex>& inputs, size_t c,
                      size_t factor) const {
    const size_t turn = n_ / factor;
    Complex sum = inputs[0];
    for (size_t u = 1, index = c; u < factor; ++u) {
      sum += Multiply(inputs[u], roots_[index * turn]);
      index += c;
      if (index >= factor) index -= factor;
    }
    return sum;
  }

  size_t n_;
  std::vector<size_t> factors_;  // ascending
  std::vector<Complex> roots_;   // exp(-2 pi i k / n)
};

}  // namespace

std::unique_ptr<FrameDft> MakeFrameDft(int n) {
  return std::make_unique<PlainDft>(n);
}

std::string_view FrameDftName() { return "plain"; }

std::string FrameDftVersion() {
  return "plain " + std::to_string(kPlainDftRevision);
}

}  // namespace melmill
