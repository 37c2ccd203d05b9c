#include "dsp/resample/spectral_resampler.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "dsp/resample/resampler.h"
#include "dsp/resample/soxr_stages.h"
#include "dsp/resample/spectral_kernel.h"
#include "dsp/resample/spectral_plan.h"
#include "dsp/simd/aligned_array.h"

namespace melmill {
namespace {

// Increases whenever the same samples give other bits.
constexpr int kRevision = 1;

constexpr int64_t kAll = std::numeric_limits<int64_t>::max();

// The samples that the kernel reads for one block, and for two.
size_t BlockSize(const SpectralPlan& plan) {
  return static_cast<size_t>(plan.tables.forward.size()) + kMaxLanes - 1;
}
size_t PairSize(const SpectralPlan& plan) {
  return static_cast<size_t>(plan.tables.block_step) + BlockSize(plan);
}

// Memory for clips of one rate, one after another.
struct Workspace {
  explicit Workspace(const SpectralPlan& rate_plan)
      : plan(rate_plan),
        scratch(plan.tables),
        pending(PairSize(plan)),
        outputs(2 * static_cast<size_t>(plan.tables.num_valid)) {}

  const SpectralPlan& plan;
  SpectralScratch scratch;
  // The known samples of the clip from the next block on: fewer than the next
  // two blocks need.
  AlignedArray<float> pending;
  size_t num_pending = 0;
  AlignedArray<float> outputs;  // of two blocks
};

class SpectralEngine : public ResampleEngine {
 public:
  explicit SpectralEngine(const SpectralKernel& kernel) : kernel_(kernel) {}

  void Start(int source_rate_hz, int target_rate_hz) override;
  void Process(std::span<const float> block, SampleVector* output) override;
  void Finish(SampleVector* output) override;

 private:
  void RunPair(const float* first, const float* second, int64_t max_count,
               SampleVector* output);
  void KeepSilence(const float* block, float* outputs) const;
  void AddStartTransient(const float* samples, float* outputs) const;

  const SpectralKernel& kernel_;
  std::unique_ptr<Workspace> workspace_;  // of the last rate
  int source_rate_hz_ = 0;
  int target_rate_hz_ = 0;
  int64_t num_samples_in_ = 0;
  int64_t num_samples_out_ = 0;
};

void SpectralEngine::Start(int source_rate_hz, int target_rate_hz) {
  const SpectralPlan& plan = GetSpectralPlan(source_rate_hz, target_rate_hz);
  if (workspace_ == nullptr || &workspace_->plan != &plan) {
    workspace_ = std::make_unique<Workspace>(plan);
  }
  source_rate_hz_ = source_rate_hz;
  target_rate_hz_ = target_rate_hz;
  num_samples_in_ = 0;
  num_samples_out_ = 0;
  workspace_->num_pending = static_cast<size_t>(plan.lead_in);
  std::fill_n(workspace_->pending.data(), workspace_->num_pending, 0.0f);
}

void SpectralEngine::AddStartTransient(const float* samples,
                                       float* outputs) const {
  const StartTransient& start = workspace_->plan.start;
  const float* weights = start.weights.data();
  for (int j = 0; j < start.num_outputs; ++j, weights += start.num_inputs) {
    // Eight sums run side by side. With one, each addition would wait for the
    // last.
    std::array<float, 8> sums{};
    int i = 0;
    for (; i + 8 <= start.num_inputs; i += 8) {
      for (int k = 0; k < 8; ++k) sums[k] += samples[i + k] * weights[i + k];
    }
    for (; i < start.num_inputs; ++i) sums[0] += samples[i] * weights[i];
    for (const float sum : sums) outputs[j] += sum;
  }
}

// Zeroes the outputs whose filters meet nothing but zeros. Rounding errors from
// the rest of the two blocks would otherwise spread over them.
void SpectralEngine::KeepSilence(const float* block, float* outputs) const {
  const SpectralPlan& plan = workspace_->plan;
  const int64_t up = plan.up;
  const int64_t down = plan.down;
  const int64_t guard = plan.tables.guard;
  const int64_t reach = (guard * down + up - 1) / up;
  const int64_t size = plan.tables.forward.size();
  const int64_t num_valid = plan.tables.num_valid;
  for (int64_t probe = reach; probe < size; probe += reach) {
    if (block[probe] != 0) continue;
    int64_t begin = probe;
    int64_t end = probe;
    while (begin > 0 && block[begin - 1] == 0) --begin;
    while (end < size && block[end] == 0) ++end;
    // Output i is at sample (i + guard) * down / up. The block holds every
    // sample that the filters of its outputs meet.
    const int64_t first =
        begin == 0 ? 0 : ((begin + reach) * up + down - 1) / down - guard;
    const int64_t last =
        end == size
            ? num_valid - 1
            : std::min((end - 1 - reach) * up / down - guard, num_valid - 1);
    for (int64_t i = first; i <= last; ++i) outputs[i] = 0;
    probe = std::max(probe, end - reach);
  }
}

// Appends the outputs of two blocks, at most `max_count` samples.
void SpectralEngine::RunPair(const float* first, const float* second,
                             int64_t max_count, SampleVector* output) {
  const SpectralPlan& plan = workspace_->plan;
  const SpectralTables& tables = plan.tables;
  const bool is_first = num_samples_out_ == 0;
  const int num_skipped = is_first ? plan.num_skipped : 0;
  const int64_t count =
      std::min<int64_t>(2 * tables.num_valid - num_skipped, max_count);
  const size_t num_before = output->size();
  float* const own_outputs = workspace_->outputs.data();
  float* outputs = own_outputs;
  if (count == 2 * tables.num_valid) {
    output->resize(num_before + static_cast<size_t>(count));
    outputs = output->data() + num_before;
  }
  kernel_.run(first, second, tables, workspace_->scratch, outputs);
  KeepSilence(first, outputs);
  KeepSilence(second, outputs + tables.num_valid);
  if (is_first) {
    AddStartTransient(first + plan.lead_in, outputs + num_skipped);
  }
  if (outputs == own_outputs) {
    output->insert(output->end(), outputs + num_skipped,
                   outputs + num_skipped + count);
  }
  num_samples_out_ += count;
}

void SpectralEngine::Process(std::span<const float> block,
                             SampleVector* output) {
  num_samples_in_ += static_cast<int64_t>(block.size());
  const SpectralPlan& plan = workspace_->plan;
  const auto block_step = static_cast<size_t>(plan.tables.block_step);
  float* const pending = workspace_->pending.data();
  size_t& num_pending = workspace_->num_pending;
  while (num_pending > 0 && num_pending + block.size() >= PairSize(plan)) {
    // The second block is read where it is, unless it begins before `block`.
    const bool is_split = block_step < num_pending;
    const size_t missing =
        (is_split ? PairSize(plan) : BlockSize(plan)) - num_pending;
    std::copy_n(block.begin(), missing, pending + num_pending);
    RunPair(pending,
            is_split ? pending + block_step
                     : block.data() + (block_step - num_pending),
            kAll, output);
    if (2 * block_step < num_pending) {
      std::copy(pending + 2 * block_step, pending + PairSize(plan), pending);
      num_pending = PairSize(plan) - 2 * block_step;
      block = block.subspan(missing);
    } else {
      block = block.subspan(2 * block_step - num_pending);
      num_pending = 0;
    }
  }
  if (num_pending == 0) {
    for (; block.size() >= PairSize(plan);
         block = block.subspan(2 * block_step)) {
      RunPair(block.data(), block.data() + block_step, kAll, output);
    }
  }
  std::copy(block.begin(), block.end(), pending + num_pending);
  num_pending += block.size();
}

void SpectralEngine::Finish(SampleVector* output) {
  const int64_t length =
      ResampledLength(num_samples_in_, source_rate_hz_, target_rate_hz_);
  // soxr rounds the length to nearest; librosa rounds it up and appends a zero.
  const double ratio = static_cast<double>(source_rate_hz_) / target_rate_hz_;
  const auto num_computed = std::min(
      length,
      static_cast<int64_t>(static_cast<double>(num_samples_in_) / ratio + 0.5));
  const SpectralPlan& plan = workspace_->plan;
  const auto block_step = static_cast<size_t>(plan.tables.block_step);
  float* const pending = workspace_->pending.data();
  size_t& num_pending = workspace_->num_pending;
  while (num_samples_out_ < num_computed) {
    std::fill(pending + num_pending, pending + PairSize(plan), 0.0f);
    RunPair(pending, pending + block_step, num_computed - num_samples_out_,
            output);
    const size_t num_done = std::min(2 * block_step, num_pending);
    std::copy(pending + num_done, pending + num_pending, pending);
    num_pending -= num_done;
  }
  output->resize(output->size() + static_cast<size_t>(length - num_computed),
                 0.0f);
}

}  // namespace

bool SpectralSupports(int source_rate_hz, int target_rate_hz) {
  return HasSoxrHqStages(source_rate_hz, target_rate_hz);
}

std::unique_ptr<ResampleEngine> MakeSpectralEngine(SimdTarget target) {
  const SpectralKernel* kernel = FindSpectralKernel(target);
  assert(kernel != nullptr);
  return std::make_unique<SpectralEngine>(*kernel);
}

std::string SpectralVersion(SimdTarget target) {
  return "spectral " + std::to_string(kRevision) +
         (FusesMultiplyAdd(target) ? " fma" : "");
}

}  // namespace melmill
