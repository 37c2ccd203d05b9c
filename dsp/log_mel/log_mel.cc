#include "dsp/log_mel/log_mel.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "dsp/features/feature_clamp.h"

namespace melmill {
namespace {

template <typename Sample>
ClipLevels ComputeClip(const LogMel& log_mel, std::span<const Sample> samples,
                       FeatureType type, std::span<std::byte> features,
                       LogMel::Workspace& workspace) {
  const auto num_samples = static_cast<int64_t>(samples.size());
  assert(num_samples >= MinNumSamples(log_mel.options()));
  const int64_t num_frames = NumFrames(log_mel.options(), num_samples);
  const size_t row_bytes =
      static_cast<size_t>(log_mel.options().mel.n_mels) * FeatureSize(type);
  assert(features.size() == static_cast<size_t>(num_frames) * row_bytes);
  FrameMaxima maxima;
  for (int64_t first = 0; first < num_frames; first += kPieceFrames) {
    const int64_t count = std::min(kPieceFrames, num_frames - first);
    log_mel.ComputePiece(
        ClipWindow<Sample>{samples, 0, num_samples}, {first, count}, type,
        features.subspan(static_cast<size_t>(first) * row_bytes,
                         static_cast<size_t>(count) * row_bytes),
        workspace, &maxima);
  }
  const ClipLevels levels = log_mel.Levels(maxima);
  log_mel.Clamp(levels, type, features);
  return levels;
}

}  // namespace

int64_t MinNumSamples(const LogMelOptions& options) {
  const int64_t n_fft = options.mel.n_fft;
  // The second term gives a clip at least one frame if the hop exceeds
  // n_fft / 2.
  return std::max(n_fft / 2 + 1, options.hop_length + n_fft % 2);
}

int64_t NumFrames(const LogMelOptions& options, int64_t num_samples) {
  // One frame more would fit; the extractor drops it.
  return (num_samples - options.mel.n_fft % 2) / options.hop_length;
}

// Takes the float32 maximum, which is all that a reader has.
float LogMel::NormalisedFloor(float max_log10_power) const {
  const double floor = std::max(max_log10_power - options_.dynamic_range_log10,
                                std::log10(options_.power_floor));
  return static_cast<float>((floor + 4) / 4);
}

ClipLevels LogMel::Levels(const FrameMaxima& maxima) const {
  return {.body_max = maxima.body, .floor = NormalisedFloor(maxima.all)};
}

void LogMel::Clamp(const ClipLevels& levels, FeatureType type,
                   std::span<std::byte> features) const {
  const float floor = NormalisedFloor(levels.body_max);
  WithFeatureTag(type, [=]<FeatureType kType>(FeatureTag<kType>) {
    RaiseToFloor(AsFeatures<kType>(features), RoundFeature<kType>(floor));
  });
}

ClipLevels LogMel::Compute(std::span<const float> samples, FeatureType type,
                           std::span<std::byte> features,
                           Workspace& workspace) const {
  return ComputeClip(*this, samples, type, features, workspace);
}

ClipLevels LogMel::Compute(std::span<const int16_t> samples, FeatureType type,
                           std::span<std::byte> features,
                           Workspace& workspace) const {
  return ComputeClip(*this, samples, type, features, workspace);
}

}  // namespace melmill
