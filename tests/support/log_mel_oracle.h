#ifndef MELMILL_TESTS_SUPPORT_LOG_MEL_ORACLE_H_
#define MELMILL_TESTS_SUPPORT_LOG_MEL_ORACLE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <span>
#include <vector>

#include "dsp/log_mel/log_mel.h"

// Log-mel features by definition, slowly: no FFT, no sparse filters, no index
// tricks, and no code of dsp/ except the option structs.
// - |DFT|^2 of `frame`, bins 0
// DFT|^2 of `frame`, bins 0 .. n / 2. `cosine[i]` and `sine[i]` are those of i
// / n of a turn.

namespace melmill::oracle {

using Real = long double;
constexpr Real kPi = std::numbers::pi_v<Real>;

inline Real MelToHz(Real mel, MelScale scale) {
  if (scale == MelScale::kHtk) return 700 * (std::pow(10.0L, mel / 2595) - 1);
  return mel <= 15 ? mel * 200 / 3 : 1000 * std::pow(6.4L, (mel - 15) / 27);
}

inline Real HzToMel(Real hz, MelScale scale) {
  if (scale == MelScale::kHtk) return 2595 * std::log10(1 + hz / 700);
  return hz <= 1000 ? hz * 3 / 200
                    : 15 + 27 * std::log(hz / 1000) / std::log(6.4L);
}

// [n_mels][n_fft / 2 + 1]
inline std::vector<std::vector<Real>> DenseMelMatrix(
    const MelFilterBankOptions& options) {
  const Real low_mel = HzToMel(options.f_min_hz, options.scale);
  const Real high_mel = HzToMel(options.f_max_hz, options.scale);
  const auto edge_hz = [&](int i) {
    const Real share = static_cast<Real>(i) / (options.n_mels + 1);
    return MelToHz(low_mel + share * (high_mel - low_mel), options.scale);
  };
  std::vector<std::vector<Real>> matrix;
  for (int m = 0; m < options.n_mels; ++m) {
    const Real left = edge_hz(m), peak = edge_hz(m + 1), right = edge_hz(m + 2);
    const Real height =
        options.norm == MelNorm::kSlaney ? 2 / (right - left) : Real{1};
    std::vector<Real> row(static_cast<size_t>(options.n_fft / 2 + 1));
    for (size_t bin = 0; bin < row.size(); ++bin) {
      const Real hz =
          static_cast<Real>(bin) * options.sample_rate_hz / options.n_fft;
      if (hz > left && hz <= peak) {
        row[bin] = height * (hz - left) / (peak - left);
      } else if (hz > peak && hz < right) {
        row[bin] = height * (right - hz) / (right - peak);
      }
    }
    matrix.push_back(row);
  }
  return matrix;
}

inline Real WindowValue(WindowType type, int i, int size) {
  const Real half_turns = kPi * i / size;
  switch (type) {
    case WindowType::kHann:
      return std::sin(half_turns) * std::sin(half_turns);
    case WindowType::kHamming:
      return 0.54L - 0.46L * std::cos(2 * half_turns);
    case WindowType::kBlackman:
      return 0.42L - 0.5L * std::cos(2 * half_turns) +
             0.08L * std::cos(4 * half_turns);
    case WindowType::kRectangular:
      break;
  }
  return 1;
}

// numpy.pad(samples, n_fft // 2, mode="reflect")
inline std::vector<Real> ReflectPadded(std::span<const float> samples,
                                       int n_fft) {
  const size_t pad = static_cast<size_t>(n_fft / 2);
  const size_t last = samples.size() - 1;
  std::vector<Real> padded;
  for (size_t i = pad; i >= 1; --i) padded.push_back(samples[i]);
  for (const float sample : samples) padded.push_back(sample);
  for (size_t i = 1; i <= pad; ++i) padded.push_back(samples[last - i]);
  return padded;
}

// |DFT|^2 of `frame`, bins 0 .. n / 2. `cosine[i]` and `sine[i]` are those
// of i / n of a turn.
inline std::vector<Real> PowerSpectrum(std::span<const Real> frame,
                                       std::span<const Real> cosine,
                                       std::span<const Real> sine) {
  std::vector<Real> power;
  for (size_t bin = 0; bin <= frame.size() / 2; ++bin) {
    Real re = 0, im = 0;
    size_t angle = 0;
    for (const Real value : frame) {
      re += value * cosine[angle];
      im -= value * sine[angle];
      angle += bin;
      if (angle >= frame.size()) angle -= frame.size();
    }
    power.push_back(re * re + im * im);
  }
  return power;
}

// log10(max(mel power, power_floor)), not clamped to the dynamic range:
// [frames][n_mels], the frames that WhisperFeatureExtractor keeps.
inline std::vector<std::vector<double>> Log10Mel(std::span<const float> samples,
                                                 const LogMelOptions& options) {
  const int n_fft = options.mel.n_fft;
  std::vector<Real> window, cosine, sine;
  for (int i = 0; i < n_fft; ++i) {
    window.push_back(WindowValue(options.window, i, n_fft));
    cosine.push_back(std::cos(2 * kPi * i / n_fft));
    sine.push_back(std::sin(2 * kPi * i / n_fft));
  }
  const auto matrix = DenseMelMatrix(options.mel);
  const auto padded = ReflectPadded(samples, n_fft);

  std::vector<std::vector<double>> frames;
  for (size_t start = 0; start + window.size() <= padded.size();
       start += static_cast<size_t>(options.hop_length)) {
    std::vector<Real> frame;
    for (size_t i = 0; i < window.size(); ++i) {
      frame.push_back(padded[start + i] * window[i]);
    }
    const auto power = PowerSpectrum(frame, cosine, sine);
    std::vector<double> row;
    for (const auto& filter : matrix) {
      Real sum = 0;
      for (size_t bin = 0; bin < power.size(); ++bin) {
        sum += filter[bin] * power[bin];
      }
      const Real floor = options.power_floor;
      row.push_back(static_cast<double>(std::log10(sum > floor ? sum : floor)));
    }
    frames.push_back(row);
  }
  frames.pop_back();
  return frames;
}

}  // namespace melmill::oracle

#endif  // MELMILL_TESTS_SUPPORT_LOG_MEL_ORACLE_H_
