#include "dsp/resample/spectral_plan.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <utility>

namespace melmill {
namespace {

// A signal that is zero outside [begin, begin + values.size()).
struct Signal {
  int64_t begin;
  std::vector<double> values;
};

int64_t FloorDivide(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

// The weight of each input of a stage in a weighted sum of its outputs: the
// stage's transpose.
Signal InputWeights(const ResampleStage& stage, const Signal& outputs) {
  const auto middle = static_cast<int64_t>(stage.taps.size() / 2);
  const auto num_outputs = static_cast<int64_t>(outputs.values.size());
  const int64_t first = outputs.begin * stage.down;
  const int64_t last = (outputs.begin + num_outputs - 1) * stage.down;
  const int64_t begin = -FloorDivide(middle - first, stage.up);
  const int64_t end = FloorDivide(last + middle, stage.up) + 1;
  Signal inputs{begin, std::vector<double>(static_cast<size_t>(end - begin))};
  for (int64_t j = 0; j < num_outputs; ++j) {
    const int64_t time = (outputs.begin + j) * stage.down;
    const int64_t from = -FloorDivide(middle - time, stage.up);
    for (int64_t n = from; stage.up * n <= time + middle; ++n) {
      inputs.values[static_cast<size_t>(n - begin)] +=
          outputs.values[static_cast<size_t>(j)] *
          stage.taps[static_cast<size_t>(time - stage.up * n + middle)];
    }
  }
  return inputs;
}

void DropBelowZero(Signal* signal) {
  if (signal->begin >= 0) return;
  const auto count =
      std::min(static_cast<size_t>(-signal->begin), signal->values.size());
  signal->values.erase(
      signal->values.begin(),
      signal->values.begin() + static_cast<std::ptrdiff_t>(count));
  signal->begin += static_cast<int64_t>(count);
}

// The weight of each input in output `output`: that of the chain with the drops
// minus that of the chain without.
std::vector<double> DroppedWeights(const std::vector<ResampleStage>& stages,
                                   int64_t output) {
  Signal whole{output, {1.0}};
  Signal dropped = whole;
  for (auto stage = stages.rbegin(); stage != stages.rend(); ++stage) {
    whole = InputWeights(*stage, whole);
    dropped = InputWeights(*stage, dropped);
    DropBelowZero(&dropped);
  }
  DropBelowZero(&whole);
  assert(whole.begin == 0 || dropped.values.empty() ||
         whole.begin == dropped.begin);
  std::vector<double> weights(static_cast<size_t>(whole.begin) +
                              whole.values.size());
  for (size_t i = 0; i < whole.values.size(); ++i) {
    weights[static_cast<size_t>(whole.begin) + i] -= whole.values[i];
  }
  for (size_t i = 0; i < dropped.values.size(); ++i) {
    weights[static_cast<size_t>(dropped.begin) + i] += dropped.values[i];
  }
  return weights;
}

StartTransient MakeStartTransient(const std::vector<ResampleStage>& stages) {
  // Half of the smallest change that single precision shows in a sample of full
  // scale.
  constexpr double kNegligible = 0x1p-25;
  std::vector<std::vector<double>> outputs;
  size_t num_inputs = 0;
  while (stages.size() > 1) {
    std::vector<double> weights =
        DroppedWeights(stages, static_cast<int64_t>(outputs.size()));
    while (!weights.empty() && std::abs(weights.back()) < kNegligible) {
      weights.pop_back();
    }
    if (weights.empty()) break;
    num_inputs = std::max(num_inputs, weights.size());
    outputs.push_back(std::move(weights));
  }
  StartTransient start;
  start.num_inputs = static_cast<int>(num_inputs);
  start.num_outputs = static_cast<int>(outputs.size());
  for (std::vector<double>& weights : outputs) {
    weights.resize(num_inputs);
    start.weights.insert(start.weights.end(), weights.begin(), weights.end());
  }
  return start;
}

// How many outputs the chain reaches to either side of an output.
int Reach(const std::vector<ResampleStage>& stages, int source_rate_hz,
          int target_rate_hz) {
  double seconds = 0;
  double rate_hz = source_rate_hz;
  for (const ResampleStage& stage : stages) {
    rate_hz *= stage.up;
    seconds += static_cast<double>(stage.taps.size() / 2) / rate_hz;
    rate_hz /= stage.down;
  }
  return static_cast<int>(std::ceil(seconds * target_rate_hz));
}

int RoundUp(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Transforms are chosen for clips of about 3 s and longer.
constexpr double kShortClipOutputs = 48000;

// Whether all prime factors of `size` are among those of `allowed`. Factors
// that the ratio does not need cost more than their share.
bool HasOnlyFactorsOf(int size, int allowed) {
  for (int common = std::gcd(size, allowed); common > 1;
       common = std::gcd(size, allowed)) {
    size /= common;
  }
  return size == 1;
}

// An estimate, which counts half of what pruning saves.
double NumOperations(int size, const ColumnRadices& columns) {
  const double second = columns.radices.second;
  const double pruned = std::log2(second) * (0.5 - columns.kept / second);
  return size * (std::log2(size) - pruned);
}

SpectralTables MakeTables(const std::vector<ResampleStage>& stages,
                          int source_rate_hz, int target_rate_hz,
                          const SpectralShape& shape) {
  TransformTables forward(shape.forward_rows, shape.forward_columns, false);
  TransformTables inverse(shape.inverse_rows, shape.inverse_columns, true);
  const size_t margin = SpectrumMargin(forward, inverse);
  const int size = inverse.size();
  AlignedArray<float> response(static_cast<size_t>(size) + 2 * margin);
  const double step_hz = static_cast<double>(target_rate_hz) / size;
  const double nyquist_hz = std::min(source_rate_hz, target_rate_hz) / 2.0;
  for (int k = 0; k * step_hz < nyquist_hz; ++k) {
    const double gain =
        ChainResponse(stages, source_rate_hz, k * step_hz) / forward.size();
    const size_t zero = margin + static_cast<size_t>(size / 2);
    response[zero + static_cast<size_t>(k)] = static_cast<float>(gain);
    response[zero - static_cast<size_t>(k)] = static_cast<float>(gain);
  }
  const std::ptrdiff_t block_step =
      int64_t{shape.num_valid} * source_rate_hz / target_rate_hz;
  return {std::move(forward), std::move(inverse), std::move(response), margin,
          shape.guard,        shape.num_valid,    block_step};
}

}  // namespace

SpectralPlan::SpectralPlan(int source_rate_hz, int target_rate_hz,
                           const SpectralShape& shape)
    : SpectralPlan(source_rate_hz, target_rate_hz, shape,
                   SoxrHqStages(source_rate_hz, target_rate_hz)) {}

SpectralPlan::SpectralPlan(int source_rate_hz, int target_rate_hz,
                           const SpectralShape& shape,
                           const std::vector<ResampleStage>& stages)
    : tables(MakeTables(stages, source_rate_hz, target_rate_hz, shape)),
      start(MakeStartTransient(stages)),
      up(target_rate_hz / std::gcd(source_rate_hz, target_rate_hz)),
      down(source_rate_hz / std::gcd(source_rate_hz, target_rate_hz)) {
  // A block begins where a sample and an output coincide.
  const int lead_out = RoundUp(shape.guard, up);
  num_skipped = lead_out - shape.guard;
  lead_in = int64_t{lead_out} / up * down;
}

std::vector<SpectralShape> SpectralShapes(int source_rate_hz,
                                          int target_rate_hz) {
  const auto stages = SoxrHqStages(source_rate_hz, target_rate_hz);
  const int common = std::gcd(source_rate_hz, target_rate_hz);
  const int up = target_rate_hz / common;
  const int down = source_rate_hz / common;
  const int reach = Reach(stages, source_rate_hz, target_rate_hz);
  const int guard = RoundUp(reach, kMaxLanes);
  const int step = std::lcm(up, kMaxLanes);
  const auto size = [](size_t rows, size_t columns) {
    return kRowRadices[rows].size() * kColumnRadices[columns].radices.size();
  };
  std::vector<std::pair<double, SpectralShape>> shapes;
  const size_t num_rows = std::size(kRowRadices);
  const size_t num_columns = std::size(kColumnRadices);
  for (size_t i = 0; i < num_rows * num_columns * num_rows * num_columns; ++i) {
    const size_t forward_rows = i % num_rows;
    const size_t inverse_rows = i / num_rows % num_rows;
    const size_t forward_columns = i / num_rows / num_rows % num_columns;
    const size_t inverse_columns = i / num_rows / num_rows / num_columns;
    const int size_in = size(forward_rows, forward_columns);
    const int size_out = size(inverse_rows, inverse_columns);
    const ColumnRadices& kept = kColumnRadices[forward_columns];
    const ColumnRadices& all = kColumnRadices[inverse_columns];
    const int num_kept =
        kRowRadices[forward_rows].size() * kept.radices.first * kept.kept;
    const int num_valid = (size_out - guard - reach) / step * step;
    if (!HasOnlyFactorsOf(size_out, 6 * up * down) ||
        int64_t{size_in} * up != int64_t{size_out} * down ||
        size_out % up != 0 || num_valid <= 0 ||
        2 * all.kept != all.radices.second ||
        kRowRadices[inverse_rows].size() % kMaxLanes != 0 ||
        2 * num_kept < std::min(size_in, size_out)) {
      continue;
    }
    // On average, half of the last two blocks' outputs are computed in vain.
    const double cost =
        (NumOperations(size_in, kept) + NumOperations(size_out, all)) /
        num_valid * (1 + num_valid / kShortClipOutputs);
    shapes.emplace_back(cost, SpectralShape{static_cast<int>(forward_rows),
                                            static_cast<int>(forward_columns),
                                            static_cast<int>(inverse_rows),
                                            static_cast<int>(inverse_columns),
                                            guard, num_valid});
  }
  std::stable_sort(
      shapes.begin(), shapes.end(),
      [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<SpectralShape> sorted;
  for (const auto& [cost, shape] : shapes) sorted.push_back(shape);
  return sorted;
}

const SpectralPlan& GetSpectralPlan(int source_rate_hz, int target_rate_hz) {
  static std::mutex mutex;
  // Never destroyed: engines of other threads may outlive static variables.
  static auto& plans =
      *new std::map<std::pair<int, int>, std::unique_ptr<const SpectralPlan>>;
  const std::lock_guard lock(mutex);
  auto& plan = plans[{source_rate_hz, target_rate_hz}];
  if (plan == nullptr) {
    const auto shapes = SpectralShapes(source_rate_hz, target_rate_hz);
    assert(!shapes.empty());
    plan = std::make_unique<const SpectralPlan>(source_rate_hz, target_rate_hz,
                                                shapes.front());
  }
  return *plan;
}

}  // namespace melmill
