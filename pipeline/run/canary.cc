#include "pipeline/run/canary.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dsp/log_mel/log_mel.h"
#include "dsp/resample/resampler.h"
#include "dsp/samples/sample_vector.h"
#include "io/hash.h"
#include "pipeline/row/row_computer.h"

namespace melmill {
namespace {

// A rate without resampling, one that most corpora have, one of each kind of
// ratio, and one that only libsoxr serves.
constexpr std::array kRatesHz = {16000, 8000, 22050, 44100, 48000, 11127};

// Noise whose loudness changes every 64 samples: the same on every machine,
// since only whole numbers and exact floats make it.
std::vector<float> MakeSignal(size_t num_samples) {
  std::vector<float> samples(num_samples);
  uint32_t state = 1;
  for (size_t i = 0; i < num_samples; ++i) {
    state = state * 1664525 + 1013904223;
    const auto noise = static_cast<int16_t>(state >> 16);
    const int shift = static_cast<int>(i / 64 % 8);
    samples[i] = static_cast<float>(noise >> shift) / 32768.0f;
  }
  return samples;
}

}  // namespace

std::map<int, std::string> ComputeCanary(const FeatureSpec& features) {
  const RowComputer computer(features);
  const LogMel& log_mel = computer.log_mel();
  const int feature_rate_hz = features.log_mel().mel.sample_rate_hz;
  const auto workspace = log_mel.MakeWorkspace();
  Resampler resampler(features.code_path.spectral);
  std::map<int, std::string> canary;
  for (const int rate_hz : kRatesHz) {
    const std::vector<float> signal =
        MakeSignal(static_cast<size_t>(rate_hz / 2));
    SampleVector samples;
    resampler.Start(rate_hz, feature_rate_hz);
    resampler.Process(signal, &samples);
    resampler.Finish(&samples);
    const auto num_samples = static_cast<int64_t>(samples.size());
    std::vector<std::byte> bytes(
        static_cast<size_t>(NumFrames(features.log_mel(), num_samples)) *
        static_cast<size_t>(features.log_mel().mel.n_mels) *
        ComputedSize(features.feature_type));
    const ClipLevels levels =
        log_mel.Compute(std::span<const float>(samples), features.feature_type,
                        bytes, *workspace);
    bytes.resize(bytes.size() / ComputedSize(features.feature_type) *
                 FeatureSize(features.feature_type));
    Hasher64 hasher;
    hasher.Update(std::as_bytes(std::span<const float>(samples)));
    hasher.Update(bytes);
    hasher.Update(std::as_bytes(std::span(&levels.floor, 1)));
    canary[rate_hz] = ToHex(hasher.Digest());
  }
  return canary;
}

}  // namespace melmill
