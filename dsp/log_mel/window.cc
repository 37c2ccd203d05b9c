#include "dsp/log_mel/window.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <stdexcept>

namespace melmill {
namespace {

// w[i] = a0 - a1 cos(2 pi i / size) + a2 cos(4 pi i / size)
struct CosineSum {
  double a0;
  double a1;
  double a2;
};

CosineSum Coefficients(WindowType type) {
  switch (type) {
    case WindowType::kHann:
      return {0.5, 0.5, 0};
    case WindowType::kHamming:
      return {0.54, 0.46, 0};
    case WindowType::kBlackman:
      return {0.42, 0.5, 0.08};
    case WindowType::kRectangular:
      return {1, 0, 0};
  }
  assert(false);
  return {1, 0, 0};
}

}  // namespace

std::vector<double> MakeWindow(WindowType type, int size) {
  if (size <= 0) {
    throw std::invalid_argument("MakeWindow: size must be positive");
  }
  // SciPy returns 1 here; the formula would give 0 for Hann.
  if (size == 1) return {1.0};
  const CosineSum a = Coefficients(type);
  std::vector<double> window(static_cast<size_t>(size));
  for (int i = 0; i < size; ++i) {
    const double phase = 2 * std::numbers::pi * i / size;
    const double value =
        a.a0 - a.a1 * std::cos(phase) + a.a2 * std::cos(2 * phase);
    // Blackman's first value is a rounding error below 0.
    window[static_cast<size_t>(i)] = std::max(value, 0.0);
  }
  return window;
}

std::string_view WindowName(WindowType type) {
  switch (type) {
    case WindowType::kHann:
      return "hann";
    case WindowType::kHamming:
      return "hamming";
    case WindowType::kBlackman:
      return "blackman";
    case WindowType::kRectangular:
      return "rectangular";
  }
  assert(false);
  return "";
}

}  // namespace melmill
