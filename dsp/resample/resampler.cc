#include "dsp/resample/resampler.h"

#include <cassert>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "dsp/resample/soxr_resampler.h"
#include "dsp/resample/spectral_resampler.h"

namespace melmill {

int64_t ResampledLength(int64_t num_samples, int source_rate_hz,
                        int target_rate_hz) {
  assert(num_samples >= 0 && source_rate_hz > 0 && target_rate_hz > 0);
  if (source_rate_hz == target_rate_hz) return num_samples;
  const double ratio = static_cast<double>(target_rate_hz) / source_rate_hz;
  const double length = std::ceil(static_cast<double>(num_samples) * ratio);
  // The size may come from a damaged header; the cast must stay defined.
  if (length >= 0x1p63) return std::numeric_limits<int64_t>::max();
  return static_cast<int64_t>(length);
}

std::string ResamplerVersion(std::optional<SimdTarget> spectral_target) {
  std::string version;
  if (spectral_target) version = SpectralVersion(*spectral_target) + ", ";
  return version + std::string(SoxrVersion());
}

Resampler::Resampler(std::optional<SimdTarget> spectral_target)
    : spectral_target_(spectral_target) {}

Resampler::~Resampler() = default;
Resampler::Resampler(Resampler&&) noexcept = default;
Resampler& Resampler::operator=(Resampler&&) noexcept = default;

void Resampler::Start(int source_rate_hz, int target_rate_hz) {
  if (source_rate_hz <= 0 || target_rate_hz <= 0) {
    throw std::invalid_argument("Resampler: sample rates must be positive");
  }
  engine_ = nullptr;
  if (source_rate_hz == target_rate_hz) return;
  if (spectral_target_ && SpectralSupports(source_rate_hz, target_rate_hz)) {
    if (spectral_ == nullptr) spectral_ = MakeSpectralEngine(*spectral_target_);
    engine_ = spectral_.get();
  } else {
    if (soxr_ == nullptr) soxr_ = MakeSoxrEngine();
    engine_ = soxr_.get();
  }
  engine_->Start(source_rate_hz, target_rate_hz);
}

void Resampler::Process(std::span<const float> block, SampleVector* output) {
  if (engine_ == nullptr) {
    output->insert(output->end(), block.begin(), block.end());
  } else {
    engine_->Process(block, output);
  }
}

void Resampler::Finish(SampleVector* output) {
  if (engine_ != nullptr) engine_->Finish(output);
}

}  // namespace melmill
