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
      static_cast<size_t>(log_mel.options().mel.n_mels) * ComputedSize(type);
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
  log_mel.Clamp(levels, type, NumEndFrames(log_mel.options(), num_samples),
                features);
  return levels;
}

}  // namespace

// Takes the float32 maximum, which is all that a reader has.
float NormalisedFloor(const LogMelOptions& options, float max_log10_power) {
  const double floor = std::max(max_log10_power - options.dynamic_range_log10,
                                std::log10(options.power_floor));
  return static_cast<float>((floor + 4) / 4);
}

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

int64_t NumEndFrames(const LogMelOptions& options, int64_t num_samples) {
  // A frame has this many samples from its centre on.
  const int64_t reach = options.mel.n_fft - options.mel.n_fft / 2;
  const int64_t num_body =
      num_samples < reach ? 0 : (num_samples - reach) / options.hop_length + 1;
  return std::max<int64_t>(NumFrames(options, num_samples) - num_body, 0);
}

ClipLevels LogMel::Levels(const FrameMaxima& maxima) const {
  return {.body_max = maxima.body,
          .floor = NormalisedFloor(options_, maxima.all)};
}

float LogMel::BodyFloor(const ClipLevels& levels) const {
  return NormalisedFloor(options_, levels.body_max);
}

std::span<std::byte> LogMel::Clamp(const ClipLevels& levels, FeatureType type,
                                   int64_t num_end_frames,
                                   std::span<std::byte> features) const {
  const float floor = BodyFloor(levels);
  if (type == FeatureType::kUint8) {
    const auto steps = AsFeatures<FeatureType::kUint8>(features);
    const auto num_end = static_cast<size_t>(num_end_frames) *
                         static_cast<size_t>(options_.mel.n_mels);
    const size_t num_body = steps.size() - num_end;
    auto* const bytes = reinterpret_cast<uint8_t*>(features.data());
    CountFromBase(steps.first(num_body), GridStep(floor), bytes);
    CountFromBase(steps.subspan(num_body), GridStep(levels.floor),
                  bytes + num_body);
    return features.first(steps.size());
  }
  WithFeatureTag(type, [=]<FeatureType kType>(FeatureTag<kType>) {
    RaiseToFloor(AsFeatures<kType>(features), RoundFeature<kType>(floor));
  });
  return features;
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
