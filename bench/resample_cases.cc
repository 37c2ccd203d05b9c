#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <numbers>
#include <optional>
#include <string>

#include "bench/stages.h"
#include "dsp/resample/resampler.h"
#include "dsp/resample/spectral_resampler.h"
#include "dsp/simd/simd_target.h"

namespace melmill {
namespace {

constexpr double kToneTolerance = 1e-5;

// MakeResampleCases explains these limits.
constexpr double kMaxDifference = 1e-6;
constexpr double kMaxRmsDifference = 5e-8;
constexpr double kQuietRms = 0.1;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Kinds = std::vector<BenchResampler>;
using Clips = std::vector<std::vector<float>>;
using Outputs = std::vector<SampleVector>;

// The mono clips of one rate.
struct RateClips {
  int source_rate_hz = 0;
  int target_rate_hz = 0;
  Clips clips;
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

// The largest error in the middle second of a tone.
double ToneError(const BenchResampler& kind, int source_rate_hz,
                 int target_rate_hz) {
  const double tone_hz = std::min(1000.0, source_rate_hz / 8.0);
  const std::vector<float> expected = MakeTone(tone_hz, target_rate_hz);
  SampleVector actual;
  kind.resample(MakeTone(tone_hz, source_rate_hz), source_rate_hz,
                target_rate_hz, &actual);
  double error = actual.size() == expected.size() ? 0 : 1;
  const size_t margin = static_cast<size_t>(target_rate_hz) / 2;
  for (size_t i = margin; i + margin < std::min(actual.size(), expected.size());
       ++i) {
    error =
        std::max(error, std::abs(static_cast<double>(actual[i]) - expected[i]));
  }
  return error;
}

Outputs ResampleAll(const BenchResampler& kind, const RateClips& group) {
  Outputs all;
  for (const std::vector<float>& clip : group.clips) {
    kind.resample(clip, group.source_rate_hz, group.target_rate_hz,
                  &all.emplace_back());
  }
  return all;
}

// Describes the first clip of wrong length, if there is one.
std::optional<std::string> FindWrongLength(const RateClips& group,
                                           const Outputs& outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const int64_t expected =
        ResampledLength(static_cast<int64_t>(group.clips[i].size()),
                        group.source_rate_hz, group.target_rate_hz);
    const auto actual = static_cast<int64_t>(outputs[i].size());
    if (actual != expected) {
      return fmt::format("{} samples instead of {}", actual, expected);
    }
  }
  return std::nullopt;
}

// The levels of all samples together.
struct Levels {
  double max = 0;
  double rms = 0;
};

// Measures value(clip, sample) over all samples of `clips`.
Levels Measure(const auto& clips, const auto& value) {
  Levels levels;
  double sum_of_squares = 0;
  size_t count = 0;
  for (size_t i = 0; i < clips.size(); ++i) {
    for (size_t j = 0; j < clips[i].size(); ++j) {
      const double size = std::abs(value(i, j));
      if (!(size <= levels.max))
        levels.max = std::isnan(size) ? kInfinity : size;
      sum_of_squares += size * size;
    }
    count += clips[i].size();
  }
  if (count > 0) {
    levels.rms = std::sqrt(sum_of_squares / static_cast<double>(count));
  }
  return levels;
}

BenchCheck CheckReference(const BenchResampler& kind, const RateClips& group) {
  const auto wrong = FindWrongLength(group, ResampleAll(kind, group));
  if (wrong) return {false, *wrong};
  const double error =
      ToneError(kind, group.source_rate_hz, group.target_rate_hz);
  return {error <= kToneTolerance, fmt::format("a tone within {:.1e}", error)};
}

BenchCheck CheckDifference(const RateClips& group, const Outputs& actual,
                           const Outputs& expected) {
  const Levels input = Measure(
      group.clips,
      [&](size_t clip, size_t i) -> double { return group.clips[clip][i]; });
  const Levels difference = Measure(actual, [&](size_t clip, size_t i) {
    return static_cast<double>(actual[clip][i]) - expected[clip][i];
  });
  const double full_scale = std::max(1.0, input.max);
  const bool is_close =
      difference.max <= kMaxDifference * full_scale &&
      (input.rms > kQuietRms || difference.rms <= kMaxRmsDifference);
  return {is_close, fmt::format("max difference {:.1e}, RMS {:.1e}",
                                difference.max, difference.rms)};
}

bool SameBits(const Outputs& one, const Outputs& other) {
  return std::ranges::equal(one, other, [](const auto& a, const auto& b) {
    return std::ranges::equal(std::as_bytes(std::span(a)),
                              std::as_bytes(std::span(b)));
  });
}

// Checks kinds[which]. All `kinds` must support these rates.
BenchCheck Check(const Kinds& kinds, size_t which, const RateClips& group) {
  const BenchResampler& kind = kinds[which];
  if (which + 1 == kinds.size()) return CheckReference(kind, group);
  const Outputs actual = ResampleAll(kind, group);
  const auto wrong = FindWrongLength(group, actual);
  if (wrong) return {false, *wrong};
  BenchCheck check =
      CheckDifference(group, actual, ResampleAll(kinds.back(), group));
  const auto first =
      std::ranges::find_if(kinds, &BenchResampler::fuses_multiply_add);
  if (!check.passed || !kind.fuses_multiply_add || &*first == &kind) {
    return check;
  }
  check.passed = SameBits(actual, ResampleAll(*first, group));
  check.text += fmt::format("; {} bits as {}",
                            check.passed ? "the same" : "OTHER", first->name);
  return check;
}

BenchCase MakeCase(const Kinds& kinds, size_t which,
                   const std::shared_ptr<const RateClips>& group) {
  BenchCase result;
  result.stage = "resample";
  result.variant = kinds[which].name;
  result.input = fmt::format("{} Hz", group->source_rate_hz);
  result.limit = BenchLimit::kMemoryCopy;
  result.num_clips = group->clips.size();
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
  result.check = [kinds, which, group] { return Check(kinds, which, *group); };
  auto samples = std::make_shared<SampleVector>();
  result.pass = [resample = kinds[which].resample, group,
                 samples](size_t clip) {
    samples->clear();
    resample(group->clips[clip], group->source_rate_hz, group->target_rate_hz,
             samples.get());
  };
  return result;
}

// Uses one Resampler for all clips, as each worker of a run does.
BenchResampler MakeKind(const std::string& name,
                        std::optional<SimdTarget> spectral_target) {
  BenchResampler kind;
  kind.name = name;
  const auto resampler = std::make_shared<Resampler>(spectral_target);
  kind.resample = [resampler](std::span<const float> mono, int source_rate_hz,
                              int target_rate_hz, SampleVector* samples) {
    resampler->Start(source_rate_hz, target_rate_hz);
    resampler->Process(mono, samples);
    resampler->Finish(samples);
  };
  return kind;
}

}  // namespace

std::vector<BenchResampler> MakeBenchResamplers() {
  std::vector<BenchResampler> kinds;
  for (const SimdTarget target : SupportedSimdTargets()) {
    kinds.push_back(
        MakeKind(fmt::format("spectral {}", SimdTargetName(target)), target));
    kinds.back().supports = SpectralSupports;
    kinds.back().fuses_multiply_add = FusesMultiplyAdd(target);
  }
  kinds.push_back(MakeKind("soxr", std::nullopt));
  kinds.back().supports = [](int, int) { return true; };
  return kinds;
}

std::vector<BenchCase> MakeResampleCases(std::span<const BenchClip> clips,
                                         int target_rate_hz,
                                         const Kinds& kinds) {
  std::map<int, std::shared_ptr<RateClips>> rates;
  for (const BenchClip& clip : clips) {
    const int rate_hz = clip.header.sample_rate_hz;
    if (rate_hz == target_rate_hz) continue;
    std::shared_ptr<RateClips>& group = rates[rate_hz];
    if (group == nullptr) {
      group =
          std::make_shared<RateClips>(RateClips{rate_hz, target_rate_hz, {}});
    }
    group->clips.push_back(DecodeClip(clip));
  }
  std::vector<BenchCase> cases;
  for (const auto& [rate_hz, group] : rates) {
    Kinds of_rate;
    std::ranges::copy_if(kinds, std::back_inserter(of_rate),
                         [rate = rate_hz, target_rate_hz](const auto& kind) {
                           return kind.supports(rate, target_rate_hz);
                         });
    for (size_t i = 0; i < of_rate.size(); ++i) {
      cases.push_back(MakeCase(of_rate, i, group));
    }
  }
  return cases;
}

}  // namespace melmill
