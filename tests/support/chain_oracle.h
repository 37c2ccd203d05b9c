#ifndef MELMILL_TESTS_SUPPORT_CHAIN_ORACLE_H_
#define MELMILL_TESTS_SUPPORT_CHAIN_ORACLE_H_

#include <fftw3.h>

#include <algorithm>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "dsp/resample/soxr_stages.h"

namespace melmill {

inline constexpr int kSpectralRatesHz[] = {8000,  11025, 12000,  22050,
                                           24000, 32000, 44100,  48000,
                                           88200, 96000, 176400, 192000};

// Computes a chain of filters by definition, in double precision and time
// order. Returns its outputs for times from 0 on. Each stage takes the previous
// one's outputs for times from 0 on.
inline std::vector<double> RunChain(const std::vector<ResampleStage>& stages,
                                    std::span<const float> samples,
                                    size_t num_outputs) {
  std::vector<double> signal(samples.begin(), samples.end());
  for (const ResampleStage& stage : stages) {
    const auto middle = static_cast<int64_t>(stage.taps.size() / 2);
    const auto num_in = static_cast<int64_t>(signal.size());
    const int64_t num_out = (num_in * stage.up + middle) / stage.down + 1;
    std::vector<double> next(static_cast<size_t>(num_out));
    for (int64_t j = 0; j < num_out; ++j) {
      const int64_t time = j * stage.down;
      int64_t n = time > middle ? (time - middle + stage.up - 1) / stage.up : 0;
      double sum = 0;
      for (; n < num_in && n * stage.up <= time + middle; ++n) {
        sum += signal[static_cast<size_t>(n)] *
               stage.taps[static_cast<size_t>(time - n * stage.up + middle)];
      }
      next[static_cast<size_t>(j)] = sum;
    }
    signal = std::move(next);
  }
  signal.resize(num_outputs);
  return signal;
}

// Computes what an ideal resampler with the chain's response gives: everything
// at or above the narrower Nyquist frequency is removed, and nothing aliases.
// Uses double precision and one DFT of the whole clip. There is no start
// transient.
inline std::vector<double> RunIdeal(const std::vector<ResampleStage>& stages,
                                    int source_rate_hz, int target_rate_hz,
                                    std::span<const float> samples,
                                    size_t num_outputs) {
  const int common = std::gcd(source_rate_hz, target_rate_hz);
  const auto up = static_cast<size_t>(target_rate_hz / common);
  const auto down = static_cast<size_t>(source_rate_hz / common);
  // This includes a tenth of a second for the filters' tails.
  const size_t num_steps =
      (samples.size() + static_cast<size_t>(source_rate_hz / 10)) / down + 1;
  const size_t size_in = num_steps * down;
  const size_t size_out = num_steps * up;
  std::vector<double> signal(size_in);
  std::copy(samples.begin(), samples.end(), signal.begin());
  std::vector<std::complex<double>> spectrum(size_in / 2 + 1);
  const auto as_fftw = [](std::vector<std::complex<double>>& values) {
    return reinterpret_cast<fftw_complex*>(values.data());
  };
  const fftw_plan forward =
      fftw_plan_dft_r2c_1d(static_cast<int>(size_in), signal.data(),
                           as_fftw(spectrum), FFTW_ESTIMATE);
  fftw_execute(forward);
  fftw_destroy_plan(forward);
  std::vector<std::complex<double>> kept(size_out / 2 + 1);
  for (size_t k = 0; k < kept.size(); ++k) {
    const double frequency_hz =
        static_cast<double>(k) * target_rate_hz / static_cast<double>(size_out);
    if (2 * frequency_hz >= std::min(source_rate_hz, target_rate_hz)) break;
    kept[k] = spectrum[k] *
              ChainResponse(stages, source_rate_hz, frequency_hz) /
              static_cast<double>(size_in);
  }
  signal.resize(size_out);
  const fftw_plan inverse = fftw_plan_dft_c2r_1d(
      static_cast<int>(size_out), as_fftw(kept), signal.data(), FFTW_ESTIMATE);
  fftw_execute(inverse);
  fftw_destroy_plan(inverse);
  signal.resize(num_outputs);
  return signal;
}

// White noise of -20 dB RMS, within full scale.
inline std::vector<float> MakeNoise(size_t num_samples, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> samples(num_samples);
  for (float& sample : samples) {
    // Sums of uniform numbers, the same on every machine: variance 1/100.
    double sum = 0;
    for (int i = 0; i < 4; ++i) sum += static_cast<double>(random()) * 0x1p-32;
    sample = static_cast<float>((sum - 2) * 0.1732050807568877);
  }
  return samples;
}

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_CHAIN_ORACLE_H_
