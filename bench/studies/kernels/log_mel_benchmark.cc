#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "bench/studies/kernels/signals.h"
#include "dsp/log_mel/log_mel.h"
#include "dsp/simd/simd_target.h"
#include "tests/support/log_mel_oracle.h"

namespace melmill {
namespace {

constexpr int kSampleRateHz = 16000;

template <typename Sample>
std::vector<Sample> MakeClip(size_t num_samples) {
  const std::vector<float> samples = MakeBenchmarkClip(num_samples);
  if constexpr (std::is_same_v<Sample, float>) {
    return samples;
  } else {
    std::vector<Sample> integers;
    for (const float sample : samples) {
      integers.push_back(static_cast<Sample>(
          std::clamp(std::nearbyint(sample * 32768), -32768.0f, 32767.0f)));
    }
    return integers;
  }
}

// The largest error of a one second clip against the float64 oracle.
template <typename Sample>
double MaxError(const LogMel& log_mel) {
  const auto samples = MakeClip<Sample>(kSampleRateHz);
  std::vector<float> floats(samples.begin(), samples.end());
  if (!std::is_same_v<Sample, float>) {
    for (float& sample : floats) sample /= 32768;
  }
  const auto expected = oracle::Log10Mel(floats, log_mel.options());
  std::vector<float> features(expected.size() * expected[0].size());
  const auto workspace = log_mel.MakeWorkspace();
  const ClipLevels levels =
      log_mel.Compute(std::span<const Sample>(samples), FeatureType::kFloat32,
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

template <typename Sample>
void BM_LogMel(benchmark::State& state, const LogMel* log_mel, double max_error,
               FeatureType type) {
  if (!(MaxError<Sample>(*log_mel) < max_error)) {
    state.SkipWithError("wrong features");
    return;
  }
  const auto duration_s = static_cast<size_t>(state.range(0));
  const auto samples = MakeClip<Sample>(duration_s * kSampleRateHz);
  std::vector<std::byte> features(
      static_cast<size_t>(
          NumFrames(log_mel->options(), static_cast<int64_t>(samples.size()))) *
      static_cast<size_t>(log_mel->options().mel.n_mels) * ComputedSize(type));
  const auto workspace = log_mel->MakeWorkspace();
  for (auto _ : state) {
    benchmark::DoNotOptimize(log_mel->Compute(std::span<const Sample>(samples),
                                              type, features, *workspace));
    benchmark::ClobberMemory();
  }
  state.counters["audio_s/s"] =
      benchmark::Counter(static_cast<double>(duration_s),
                         benchmark::Counter::kIsIterationInvariantRate);
}

template <typename Sample>
void Register(const std::string& path, const LogMel* log_mel,
              double max_error) {
  for (const FeatureType type : kFeatureTypes) {
    const std::string name =
        path + (std::is_same_v<Sample, float> ? "/float" : "/int16") + "_to_" +
        std::string(FeatureTypeName(type));
    benchmark::RegisterBenchmark(name.c_str(), BM_LogMel<Sample>, log_mel,
                                 max_error, type)
        ->Arg(2)
        ->Arg(10)
        ->Arg(30);
  }
}

void RegisterAll(const std::string& path, const LogMel* log_mel,
                 double max_error) {
  Register<int16_t>(path, log_mel, max_error);
  Register<float>(path, log_mel, max_error);
}

int Run(int argc, char** argv) {
  std::vector<std::unique_ptr<LogMel>> paths;  // must outlive the benchmarks
  for (const SimdTarget target : SupportedSimdTargets()) {
    paths.push_back(MakeSimdLogMel({}, target));
    RegisterAll(std::string(SimdTargetName(target)), paths.back().get(), 2e-4);
  }
  paths.push_back(MakeGeneralLogMel({}));
  RegisterAll("general", paths.back().get(), 1e-6);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace melmill

int main(int argc, char** argv) { return melmill::Run(argc, argv); }
