#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numbers>

#include "dsp/resampler.h"
#include "pipeline/bench_stages.h"

namespace melmill {
namespace {

constexpr double kToneTolerance = 1e-5;

// At one rate, mono.
struct RateClips {
  int source_rate_hz = 0;
  int target_rate_hz = 0;
  std::vector<std::vector<float>> clips;
};

std::vector<float> MakeTone(double tone_hz, int rate_hz) {
  std::vector<float> samples(static_cast<size_t>(2 * rate_hz));
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i] =
        static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * tone_hz *
                                          static_cast<double>(i) / rate_hz));
  }
  return samples;
}

// The largest error of a tone's middle second.
double ToneError(int source_rate_hz, int target_rate_hz) {
  const double tone_hz = std::min(1000.0, source_rate_hz / 8.0);
  const std::vector<float> expected = MakeTone(tone_hz, target_rate_hz);
  const std::vector<float> actual = Resample(MakeTone(tone_hz, source_rate_hz),
                                             source_rate_hz, target_rate_hz);
  double error = actual.size() == expected.size() ? 0 : 1;
  const size_t margin = static_cast<size_t>(target_rate_hz) / 2;
  for (size_t i = margin; i + margin < std::min(actual.size(), expected.size());
       ++i) {
    error =
        std::max(error, std::abs(static_cast<double>(actual[i]) - expected[i]));
  }
  return error;
}

BenchCheck Check(const RateClips& group) {
  for (const std::vector<float>& clip : group.clips) {
    const int64_t expected =
        ResampledLength(static_cast<int64_t>(clip.size()), group.source_rate_hz,
                        group.target_rate_hz);
    const auto actual = static_cast<int64_t>(
        Resample(clip, group.source_rate_hz, group.target_rate_hz).size());
    if (actual != expected) {
      return {false, fmt::format("{} samples instead of {}", actual, expected)};
    }
  }
  const double error = ToneError(group.source_rate_hz, group.target_rate_hz);
  return {error <= kToneTolerance, fmt::format("a tone within {:.1e}", error)};
}

BenchCase MakeCase(std::shared_ptr<const RateClips> group) {
  BenchCase result;
  result.stage = "resample";
  result.variant = "soxr";
  result.input = fmt::format("{} Hz", group->source_rate_hz);
  result.limit = BenchLimit::kMemoryCopy;
  for (const std::vector<float>& clip : group->clips) {
    const auto num_samples = static_cast<int64_t>(clip.size());
    result.audio_seconds +=
        static_cast<double>(num_samples) / group->source_rate_hz;
    result.bytes_read += sizeof(float) * clip.size();
    result.bytes_written +=
        sizeof(float) *
        static_cast<uint64_t>(ResampledLength(
            num_samples, group->source_rate_hz, group->target_rate_hz));
  }
  result.check = [group] { return Check(*group); };
  auto samples = std::make_shared<std::vector<float>>();
  result.pass = [group, samples] {
    for (const std::vector<float>& clip : group->clips) {
      samples->clear();
      Resampler resampler(std::nullopt);
      resampler.Start(group->source_rate_hz, group->target_rate_hz);
      resampler.Process(clip, samples.get());
      resampler.Finish(samples.get());
    }
  };
  return result;
}

}  // namespace

std::vector<BenchCase> MakeResampleCases(std::span<const BenchClip> clips,
                                         int target_rate_hz) {
  std::map<int, std::shared_ptr<RateClips>> rates;
  for (const BenchClip& clip : clips) {
    const int rate_hz = clip.header.sample_rate_hz;
    if (rate_hz == target_rate_hz) continue;
    std::shared_ptr<RateClips>& group = rates[rate_hz];
    if (group == nullptr) {
      group = std::make_shared<RateClips>(RateClips{rate_hz, target_rate_hz});
    }
    group->clips.push_back(DecodeClip(clip));
  }
  std::vector<BenchCase> cases;
  for (const auto& [rate_hz, group] : rates) cases.push_back(MakeCase(group));
  return cases;
}

}  // namespace melmill
