#include "bench/case.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>

namespace melmill {
namespace {

// Shorter passes are repeated until together they take this long.
constexpr double kMinRoundSeconds = 0.02;
constexpr double kMaxPasses = 10'000;

double TimePasses(const BenchCase& bench_case, int num_passes) {
  if (bench_case.prepare) bench_case.prepare();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < num_passes; ++i) bench_case.pass();
  const std::chrono::duration<double> taken =
      std::chrono::steady_clock::now() - start;
  return taken.count() / num_passes;
}

// A pass with a preparation runs once a round.
int PassesARound(const BenchCase& bench_case, double pass_seconds) {
  if (bench_case.prepare) return 1;
  return static_cast<int>(
      std::min(std::ceil(kMinRoundSeconds / pass_seconds), kMaxPasses));
}

}  // namespace

void RunCases(int num_rounds, const std::function<bool()>& stop_requested,
              std::span<BenchCase> cases) {
  std::vector<BenchCase*> good;
  for (BenchCase& bench_case : cases) {
    if (stop_requested()) return;
    bench_case.checked = bench_case.check();
    if (bench_case.checked.passed) good.push_back(&bench_case);
  }
  std::vector<int> num_passes;
  for (const BenchCase* bench_case : good) {
    if (stop_requested()) return;
    num_passes.push_back(PassesARound(*bench_case, TimePasses(*bench_case, 1)));
  }
  for (int round = 0; round < num_rounds; ++round) {
    for (size_t i = 0; i < good.size(); ++i) {
      if (stop_requested()) return;
      good[i]->seconds.push_back(TimePasses(*good[i], num_passes[i]));
    }
  }
}

double Median(std::vector<double> values) {
  assert(!values.empty());
  std::ranges::sort(values);
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle]
                                : (values[middle - 1] + values[middle]) / 2;
}

double Spread(const std::vector<double>& values) {
  const auto [smallest, largest] = std::ranges::minmax(values);
  return (largest - smallest) / Median(values);
}

}  // namespace melmill
