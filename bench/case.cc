#include "bench/case.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>

#include "bench/limits.h"

namespace melmill {
namespace {

// Clips that take less time are processed again until together they take this
// long.
constexpr double kMinRoundSeconds = 0.02;
constexpr double kMaxPasses = 10'000;

using Group = std::vector<BenchCase*>;

double TimePass(const BenchCase& bench_case, size_t clip) {
  if (bench_case.prepare) bench_case.prepare();
  const auto start = std::chrono::steady_clock::now();
  bench_case.pass(clip);
  const std::chrono::duration<double> taken =
      std::chrono::steady_clock::now() - start;
  return taken.count();
}

// Has each case process all clips num_passes[case] times. Returns the seconds
// that each takes for all clips once.
std::vector<double> TimeGroup(const Group& group,
                              const std::vector<int>& num_passes) {
  std::vector<double> seconds(group.size());
  const bool fills_cache = group.size() > 1 && !group[0]->prepare;
  for (int pass = 0; pass < std::ranges::max(num_passes); ++pass) {
    for (size_t clip = 0; clip < group[0]->num_clips; ++clip) {
      if (fills_cache) group[0]->pass(clip);
      for (size_t i = 0; i < group.size(); ++i) {
        if (pass < num_passes[i]) seconds[i] += TimePass(*group[i], clip);
      }
    }
  }
  for (size_t i = 0; i < group.size(); ++i) seconds[i] /= num_passes[i];
  return seconds;
}

// With a preparation, once.
int PassesARound(const BenchCase& bench_case, double seconds) {
  if (bench_case.prepare) return 1;
  return static_cast<int>(
      std::min(std::ceil(kMinRoundSeconds / seconds), kMaxPasses));
}

// The good cases, those of the same stage and input together.
std::vector<Group> CheckCases(const std::function<bool()>& stop_requested,
                              std::span<BenchCase> cases) {
  std::vector<Group> groups;
  for (BenchCase& bench_case : cases) {
    if (stop_requested()) return {};
    bench_case.checked = bench_case.check();
    if (!bench_case.checked.passed) continue;
    const auto found = std::ranges::find_if(groups, [&](const Group& group) {
      return group[0]->stage == bench_case.stage &&
             group[0]->input == bench_case.input;
    });
    Group& group = found == groups.end() ? groups.emplace_back() : *found;
    assert(group.empty() || group[0]->num_clips == bench_case.num_clips);
    group.push_back(&bench_case);
  }
  return groups;
}

}  // namespace

std::vector<double> RunCases(int num_rounds,
                             const std::function<bool()>& stop_requested,
                             std::span<BenchCase> cases) {
  const std::vector<Group> groups = CheckCases(stop_requested, cases);
  if (groups.empty()) return {};
  std::vector<std::vector<int>> num_passes;
  for (const Group& group : groups) {
    if (stop_requested()) return {};
    const auto seconds = TimeGroup(group, std::vector<int>(group.size(), 1));
    num_passes.emplace_back();
    for (size_t i = 0; i < group.size(); ++i) {
      num_passes.back().push_back(PassesARound(*group[i], seconds[i]));
    }
  }
  std::vector<double> machine_speeds = {MeasureMachineSpeed()};
  for (int round = 0; round < num_rounds; ++round) {
    for (size_t g = 0; g < groups.size(); ++g) {
      if (stop_requested()) return machine_speeds;
      const auto seconds = TimeGroup(groups[g], num_passes[g]);
      for (size_t i = 0; i < groups[g].size(); ++i) {
        groups[g][i]->seconds.push_back(seconds[i]);
      }
    }
    machine_speeds.push_back(MeasureMachineSpeed());
  }
  return machine_speeds;
}

double Smallest(const std::vector<double>& values) {
  assert(!values.empty());
  return std::ranges::min(values);
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
