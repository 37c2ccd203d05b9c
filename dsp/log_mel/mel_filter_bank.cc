#include "dsp/log_mel/mel_filter_bank.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>

namespace melmill {
namespace {

// These limits are far above any use. They keep a mistyped number from taking
// all memory.
constexpr int kMaxFftSize = 1 << 20;
constexpr int kMaxMels = 1 << 14;

// Slaney's scale: 3 mels per 200 Hz up to 1 kHz, then 27 per factor of 6.4.
constexpr double kLinearHzPerMel = 200.0 / 3;
constexpr double kLogStartHz = 1000.0;
constexpr double kLogStartMel = kLogStartHz / kLinearHzPerMel;
constexpr double kLogStep = 0.06875177742094912;  // ln(6.4) / 27

double HzToMel(double hz, MelScale scale) {
  if (scale == MelScale::kHtk) return 2595.0 * std::log10(1.0 + hz / 700.0);
  if (hz < kLogStartHz) return hz / kLinearHzPerMel;
  return kLogStartMel + std::log(hz / kLogStartHz) / kLogStep;
}

double MelToHz(double mel, MelScale scale) {
  if (scale == MelScale::kHtk) {
    return 700.0 * (std::pow(10.0, mel / 2595.0) - 1.0);
  }
  if (mel < kLogStartMel) return kLinearHzPerMel * mel;
  return kLogStartHz * std::exp(kLogStep * (mel - kLogStartMel));
}

void Require(bool condition, const char* what) {
  if (condition) return;
  throw std::invalid_argument(std::string("MelFilterBankOptions: ") + what);
}

// Comparisons are written so that NaN fails them.
void Validate(const MelFilterBankOptions& options) {
  Require(options.sample_rate_hz > 0, "sample_rate_hz must be positive");
  Require(options.n_fft >= 2 && options.n_fft <= kMaxFftSize,
          "n_fft must be from 2 to 1048576");
  Require(options.n_mels >= 1 && options.n_mels <= kMaxMels,
          "n_mels must be from 1 to 16384");
  Require(options.f_min_hz >= 0, "f_min_hz must not be negative");
  Require(options.f_max_hz > options.f_min_hz,
          "f_max_hz must be above f_min_hz");
  Require(options.f_max_hz <= options.sample_rate_hz / 2.0,
          "f_max_hz must not be above half of sample_rate_hz");
}

// Filter i rises from edge i to edge i + 1 and falls to edge i + 2; the edges
// are evenly spaced in mels.
std::vector<double> FilterEdgesHz(const MelFilterBankOptions& options) {
  const double min_mel = HzToMel(options.f_min_hz, options.scale);
  const double max_mel = HzToMel(options.f_max_hz, options.scale);
  const double step = (max_mel - min_mel) / (options.n_mels + 1);
  std::vector<double> edges;
  for (int i = 0; i <= options.n_mels; ++i) {
    edges.push_back(MelToHz(i * step + min_mel, options.scale));
  }
  edges.push_back(MelToHz(max_mel, options.scale));
  return edges;
}

// The operations and their order are librosa's. Near an edge the weight is a
// small difference of large numbers, so another order would show.
MelFilter MakeTriangle(const MelFilterBankOptions& options, double low_hz,
                       double centre_hz, double high_hz) {
  const double scale =
      options.norm == MelNorm::kSlaney ? 2.0 / (high_hz - low_hz) : 1.0;
  MelFilter filter;
  for (int bin = 0; bin <= options.n_fft / 2; ++bin) {
    const double bin_hz =
        static_cast<double>(bin) * options.sample_rate_hz / options.n_fft;
    const double rising = (bin_hz - low_hz) / (centre_hz - low_hz);
    const double falling = (high_hz - bin_hz) / (high_hz - centre_hz);
    const double weight = std::min(rising, falling) * scale;
    if (!(weight > 0)) continue;
    if (filter.weights.empty()) filter.first_bin = bin;
    filter.weights.push_back(weight);
  }
  return filter;
}

}  // namespace

std::string_view MelScaleName(MelScale scale) {
  switch (scale) {
    case MelScale::kSlaney:
      return "slaney";
    case MelScale::kHtk:
      return "htk";
  }
  assert(false);
  return "";
}

std::string_view MelNormName(MelNorm norm) {
  switch (norm) {
    case MelNorm::kNone:
      return "none";
    case MelNorm::kSlaney:
      return "slaney";
  }
  assert(false);
  return "";
}

std::vector<MelFilter> MakeMelFilterBank(const MelFilterBankOptions& options) {
  Validate(options);
  const std::vector<double> edges_hz = FilterEdgesHz(options);
  std::vector<MelFilter> bank;
  for (size_t i = 0; i + 2 < edges_hz.size(); ++i) {
    bank.push_back(
        MakeTriangle(options, edges_hz[i], edges_hz[i + 1], edges_hz[i + 2]));
  }
  return bank;
}

}  // namespace melmill
