// Measures resampling to 16 kHz: soxr's own call for a whole clip, and this
// library's Resampler with soxr and with the spectral resampler.
// bench/studies/resampling.py compares them. To run one case by hand:
//
//   resampler_benchmark --benchmark_filter=/48000/10/
//     --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true

#include <benchmark/benchmark.h>
#include <soxr.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench/studies/kernels/signals.h"
#include "dsp/resample/resampler.h"
#include "dsp/simd/simd_target.h"

namespace melmill {
namespace {

constexpr int kTargetRateHz = 16000;
// The largest difference from soxr HQ that the spectral resampler promises.
constexpr float kMaxDifference = 1e-6f;

const std::vector<float>& Clip(size_t num_samples) {
  static std::map<size_t, std::vector<float>> clips;
  std::vector<float>& clip = clips[num_samples];
  if (clip.empty()) clip = MakeBenchmarkClip(num_samples);
  return clip;
}

// Empties the output and fills it with the resampled clip.
using Resample = std::function<void(const std::vector<float>& clip, int rate_hz,
                                    SampleVector* output)>;

void SoxrOneshot(const std::vector<float>& clip, int rate_hz,
                 SampleVector* output) {
  const auto length = ResampledLength(static_cast<int64_t>(clip.size()),
                                      rate_hz, kTargetRateHz);
  output->assign(static_cast<size_t>(length), 0.0f);
  const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
  const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
  size_t num_out = 0;
  const soxr_error_t error = soxr_oneshot(
      rate_hz, kTargetRateHz, 1, clip.data(), clip.size(), nullptr,
      output->data(), output->size(), &num_out, &io, &quality, &runtime);
  if (error != nullptr) throw std::runtime_error(error);
}

// Uses one object for all clips, as each worker of the program does.
Resample ByResampler(std::optional<SimdTarget> target) {
  const auto resampler = std::make_shared<Resampler>(target);
  return [resampler](const std::vector<float>& clip, int rate_hz,
                     SampleVector* output) {
    output->clear();
    resampler->Start(rate_hz, kTargetRateHz);
    resampler->Process(clip, output);
    resampler->Finish(output);
  };
}

bool IsCloseToSoxr(const std::vector<float>& clip, int rate_hz,
                   const SampleVector& output) {
  SampleVector expected;
  SoxrOneshot(clip, rate_hz, &expected);
  return std::equal(
      output.begin(), output.end(), expected.begin(), expected.end(),
      [](float a, float b) { return std::abs(a - b) <= kMaxDifference; });
}

// The time for the first clip of this rate with this resampler in this process.
// It has few samples and pays for the tables.
double FirstClipMs(const std::string& name, const Resample& resample,
                   int rate_hz) {
  static std::map<std::pair<std::string, int>, double> known;
  const auto [entry, is_new] = known.try_emplace({name, rate_hz}, 0.0);
  if (is_new) {
    SampleVector output;
    const auto begin = std::chrono::steady_clock::now();
    resample({0.5f}, rate_hz, &output);
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - begin;
    entry->second = taken.count();
  }
  return entry->second;
}

void BM_Resample(benchmark::State& state, const std::string& name,
                 const Resample& resample) {
  const auto rate_hz = static_cast<int>(state.range(0));
  const auto duration_s = static_cast<int>(state.range(1));
  state.counters["first_ms"] = FirstClipMs(name, resample, rate_hz);
  const std::vector<float>& clip =
      Clip(static_cast<size_t>(rate_hz * duration_s));
  SampleVector output;
  resample(clip, rate_hz, &output);
  if (!IsCloseToSoxr(clip, rate_hz, output)) {
    state.SkipWithError("wrong samples");
    return;
  }
  for (auto _ : state) {
    resample(clip, rate_hz, &output);
    benchmark::DoNotOptimize(output.data());
  }
  state.counters["audio_s/s"] = benchmark::Counter(
      duration_s, benchmark::Counter::kIsIterationInvariantRate);
}

void Register(const std::string& name, const Resample& resample) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [name, resample](benchmark::State& state) {
                                 BM_Resample(state, name, resample);
                               })
      ->ArgsProduct({{8000, 11025, 12000, 22050, 24000, 32000, 44100, 48000,
                      88200, 96000, 176400, 192000},
                     {3, 10, 30}});
}

}  // namespace
}  // namespace melmill

int main(int argc, char** argv) {
  using namespace melmill;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  Register("soxr_oneshot", SoxrOneshot);
  Register("soxr", ByResampler(std::nullopt));
  for (const SimdTarget target : SupportedSimdTargets()) {
    Register(std::string(SimdTargetName(target)), ByResampler(target));
  }
  benchmark::RunSpecifiedBenchmarks();
}
