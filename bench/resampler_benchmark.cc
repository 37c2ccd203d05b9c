#include <benchmark/benchmark.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "bench/signals.h"
#include "dsp/resampler.h"

namespace melmill {
namespace {

constexpr int kTargetRateHz = 16000;
constexpr int kDurationS = 10;

// A 1 kHz tone must stay one, away from the clip's ends.
bool KeepsATone(int source_rate_hz) {
  const auto tone = [](size_t i, int rate_hz) {
    return static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * 1000 *
                                             static_cast<double>(i) / rate_hz));
  };
  std::vector<float> samples(static_cast<size_t>(source_rate_hz));
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i] = tone(i, source_rate_hz);
  }
  std::vector<float> output;
  Resampler resampler(std::nullopt);
  resampler.Start(source_rate_hz, kTargetRateHz);
  resampler.Process(samples, &output);
  resampler.Finish(&output);
  if (output.size() != kTargetRateHz) return false;
  for (size_t i = 1000; i + 1000 < output.size(); ++i) {
    if (std::abs(output[i] - tone(i, kTargetRateHz)) > 1e-5f) return false;
  }
  return true;
}

void BM_SoxrHqTo16k(benchmark::State& state) {
  const auto source_rate_hz = static_cast<int>(state.range(0));
  if (!KeepsATone(source_rate_hz)) {
    state.SkipWithError("wrong samples");
    return;
  }
  const std::vector<float> samples =
      MakeBenchmarkClip(static_cast<size_t>(source_rate_hz * kDurationS));
  std::vector<float> output;
  for (auto _ : state) {
    output.clear();
    Resampler resampler(std::nullopt);
    resampler.Start(source_rate_hz, kTargetRateHz);
    resampler.Process(samples, &output);
    resampler.Finish(&output);
    benchmark::DoNotOptimize(output.data());
  }
  state.counters["audio_s/s"] = benchmark::Counter(
      kDurationS, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_SoxrHqTo16k)->Arg(8000)->Arg(22050)->Arg(44100)->Arg(48000);

}  // namespace
}  // namespace melmill

BENCHMARK_MAIN();
