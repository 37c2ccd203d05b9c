#include "dsp/log_mel/frame_dft.h"

#include <fftw3.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <random>
#include <vector>

namespace melmill {
namespace {

using Spectrum = std::vector<std::complex<double>>;

// FFTW itself, called in another way: the whole complex DFT.
Spectrum FftwSpectrum(const std::vector<double>& frame) {
  Spectrum samples(frame.begin(), frame.end());
  Spectrum bins(frame.size());
  const auto as_fftw = [](Spectrum& values) {
    return reinterpret_cast<fftw_complex*>(values.data());
  };
  const fftw_plan plan =
      fftw_plan_dft_1d(static_cast<int>(frame.size()), as_fftw(samples),
                       as_fftw(bins), FFTW_FORWARD, FFTW_ESTIMATE);
  fftw_execute(plan);
  fftw_destroy_plan(plan);
  bins.resize(frame.size() / 2 + 1);
  return bins;
}

std::vector<double> Noise(size_t n) {
  std::mt19937 random(static_cast<uint32_t>(n));
  std::vector<double> frame(n);
  for (double& sample : frame) sample = random() * 0x1p-31 - 1;
  return frame;
}

Spectrum Transform(const FrameDft& dft, FrameDft::Workspace& workspace,
                   const std::vector<double>& frame) {
  std::ranges::copy(frame, workspace.frame());
  const auto bins = dft.Transform(workspace);
  return {bins.begin(), bins.end()};
}

void ExpectIsFftws(const Spectrum& bins, const std::vector<double>& frame) {
  const Spectrum expected = FftwSpectrum(frame);
  ASSERT_EQ(bins.size(), expected.size());
  double energy = 0;
  for (const double sample : frame) energy += sample * sample;
  // By Parseval's theorem the squares of all bins have the sum n * energy.
  const double scale = std::sqrt(energy * static_cast<double>(frame.size()));
  for (size_t k = 0; k < bins.size(); ++k) {
    ASSERT_LE(std::abs(bins[k] - expected[k]), 1e-15 * scale)
        << frame.size() << " samples, bin " << k;
  }
}

TEST(FrameDft, IsFftwsForEveryLength) {
  for (size_t n = 1; n <= 600; ++n) {
    const auto dft = MakeFrameDft(static_cast<int>(n));
    const auto workspace = dft->MakeWorkspace();
    ExpectIsFftws(Transform(*dft, *workspace, Noise(n)), Noise(n));
    if (HasFatalFailure()) return;
  }
}

TEST(FrameDft, IsFftwsForFramesOfEverySort) {
  constexpr size_t kLength = 400;
  const auto dft = MakeFrameDft(kLength);
  const auto workspace = dft->MakeWorkspace();
  for (const double amplitude : {1.0, 1e-150, 1e150}) {
    std::vector<double> frame = Noise(kLength);
    for (double& sample : frame) sample *= amplitude;
    ExpectIsFftws(Transform(*dft, *workspace, frame), frame);
  }
  for (size_t place = 0; place < kLength; ++place) {
    std::vector<double> impulse(kLength);
    impulse[place] = 1;
    ExpectIsFftws(Transform(*dft, *workspace, impulse), impulse);
  }
  const std::vector<double> ones(kLength, 1.0);
  ExpectIsFftws(Transform(*dft, *workspace, ones), ones);
}

TEST(FrameDft, NamesItsVersion) {
  EXPECT_EQ(FrameDftVersion().rfind(FrameDftName(), 0), 0u)
      << FrameDftVersion();
}

}  // namespace
}  // namespace melmill
