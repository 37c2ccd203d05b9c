#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "bench/signals.h"
#include "dsp/log_mel.h"
#include "tests/support/log_mel_oracle.h"

namespace melmill {
namespace {

constexpr int kSampleRateHz = 16000;

// The largest error of a one second clip against the float64 oracle.
double MaxError(const LogMel& log_mel, const LogMelOptions& options) {
  const std::vector<float> samples = MakeBenchmarkClip(kSampleRateHz);
  const auto expected = oracle::Log10Mel(samples, options);
  std::vector<float> features(expected.size() * expected[0].size());
  const auto workspace = log_mel.MakeWorkspace();
  const ClipLevels levels =
      log_mel.Compute(samples, FeatureType::kFloat32,
                      std::as_writable_bytes(std::span(features)), *workspace);
  double max_error = 0;
  for (size_t i = 0; i < features.size(); ++i) {
    const double value =
        (expected[i / expected[0].size()][i % expected[0].size()] + 4) / 4;
    const double clamped = std::max(value, static_cast<double>(levels.floor));
    const double stored = std::max(features[i], levels.floor);
    max_error = std::max(max_error, std::abs(stored - clamped));
  }
  return max_error;
}

void BM_FftwLogMelToFloat16(benchmark::State& state) {
  const LogMelOptions options;
  const auto log_mel = MakeFftwLogMel(options);
  if (!(MaxError(*log_mel, options) < 1e-6)) {
    state.SkipWithError("wrong features");
    return;
  }
  const auto duration_s = static_cast<size_t>(state.range(0));
  const std::vector<float> samples =
      MakeBenchmarkClip(duration_s * kSampleRateHz);
  std::vector<std::byte> features(
      static_cast<size_t>(
          NumFrames(options, static_cast<int64_t>(samples.size()))) *
      static_cast<size_t>(options.mel.n_mels) * 2);
  const auto workspace = log_mel->MakeWorkspace();
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        log_mel->Compute(samples, FeatureType::kFloat16, features, *workspace));
    benchmark::ClobberMemory();
  }
  state.counters["audio_s/s"] =
      benchmark::Counter(static_cast<double>(duration_s),
                         benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_FftwLogMelToFloat16)->Arg(2)->Arg(10)->Arg(30);

}  // namespace
}  // namespace melmill

BENCHMARK_MAIN();
