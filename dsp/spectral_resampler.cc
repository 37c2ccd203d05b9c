#include "dsp/spectral_resampler.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dsp/resampler.h"
#include "dsp/soxr_stages.h"
#include "dsp/spectral_kernel.h"
#include "dsp/spectral_plan.h"

namespace melmill {
namespace {

// Counted up whenever the same samples give other bits.
constexpr int kRevision = 1;

class SpectralEngine : public ResampleEngine {
 public:
  explicit SpectralEngine(const SpectralKernel& kernel) : kernel_(kernel) {}

  void Start(int source_rate_hz, int target_rate_hz) override;
  void Process(std::span<const float> block,
               std::vector<float>* output) override;
  void Finish(std::vector<float>* output) override;

 private:
  size_t PairSize() const;
  void RunPair(const float* samples, std::vector<float>* output);
  void KeepSilence(const float* samples, float* outputs) const;
  void AddStartTransient(const float* samples, float* outputs) const;

  const SpectralKernel& kernel_;
  const SpectralPlan* plan_ = nullptr;
  std::optional<SpectralScratch> scratch_;
  int source_rate_hz_ = 0;
  int target_rate_hz_ = 0;
  // The clip from the next pair of blocks on, as far as it is known.
  std::vector<float> pending_;
  std::vector<float> tail_;  // the clip's last outputs
  int64_t num_samples_in_ = 0;
  int64_t num_samples_out_ = 0;  // counted from -num_skipped
};

void SpectralEngine::Start(int source_rate_hz, int target_rate_hz) {
  const SpectralPlan& plan = GetSpectralPlan(source_rate_hz, target_rate_hz);
  if (plan_ != &plan) {
    plan_ = &plan;
    scratch_.emplace(plan.tables);
  }
  source_rate_hz_ = source_rate_hz;
  target_rate_hz_ = target_rate_hz;
  num_samples_in_ = 0;
  num_samples_out_ = -plan.num_skipped;
  pending_.assign(static_cast<size_t>(plan.lead_in), 0.0f);
}

// What the kernel reads for two blocks.
size_t SpectralEngine::PairSize() const {
  return static_cast<size_t>(plan_->block_step + plan_->tables.forward.size()) +
         kMaxLanes - 1;
}

void SpectralEngine::AddStartTransient(const float* samples,
                                       float* outputs) const {
  const StartTransient& start = plan_->start;
  const float* weight = start.weights.data();
  for (int i = 0; i < start.num_inputs; ++i) {
    for (int j = 0; j < start.num_outputs; ++j) {
      outputs[j] += samples[i] * *weight++;
    }
  }
}

// Makes the outputs zero whose filters meet nothing but zeros. Rounding errors
// would spread over them from whatever else there is in the two blocks.
void SpectralEngine::KeepSilence(const float* samples, float* outputs) const {
  const int64_t up = plan_->up;
  const int64_t down = plan_->down;
  const int64_t guard = plan_->tables.guard;
  const int64_t num_outputs = 2 * int64_t{plan_->tables.num_valid};
  const int64_t reach = (guard * down + up - 1) / up;
  const int64_t num_samples = plan_->block_step + plan_->tables.forward.size();
  for (int64_t probe = reach; probe < num_samples; probe += reach) {
    if (samples[probe] != 0) continue;
    int64_t begin = probe;
    int64_t end = probe;
    while (begin > 0 && samples[begin - 1] == 0) --begin;
    while (end < num_samples && samples[end] == 0) ++end;
    // Output i is at sample (i + guard) * down / up; the blocks hold all that
    // the filters of their outputs meet.
    const int64_t first =
        begin == 0 ? 0 : ((begin + reach) * up + down - 1) / down - guard;
    const int64_t last =
        end == num_samples
            ? num_outputs - 1
            : std::min((end - 1 - reach) * up / down - guard, num_outputs - 1);
    for (int64_t i = first; i <= last; ++i) outputs[i] = 0;
    probe = std::max(probe, end - reach);
  }
}

void SpectralEngine::RunPair(const float* samples, std::vector<float>* output) {
  const bool is_first = num_samples_out_ <= 0;
  const size_t num_before = output->size();
  const auto num_new = static_cast<size_t>(2 * plan_->tables.num_valid);
  output->resize(num_before + num_new);
  float* outputs = output->data() + num_before;
  kernel_.run(samples, samples + plan_->block_step, plan_->tables, *scratch_,
              outputs);
  KeepSilence(samples, outputs);
  if (is_first) {
    AddStartTransient(samples + plan_->lead_in, outputs + plan_->num_skipped);
    const auto begin =
        output->begin() + static_cast<std::ptrdiff_t>(num_before);
    output->erase(begin, begin + plan_->num_skipped);
  }
  num_samples_out_ += static_cast<int64_t>(num_new);
}

void SpectralEngine::Process(std::span<const float> block,
                             std::vector<float>* output) {
  num_samples_in_ += static_cast<int64_t>(block.size());
  const auto pair_step = static_cast<size_t>(2 * plan_->block_step);
  while (!block.empty()) {
    const size_t num_pending = pending_.size();
    const size_t missing = PairSize() - num_pending;
    if (block.size() < missing) {
      pending_.insert(pending_.end(), block.begin(), block.end());
      return;
    }
    // Only what pairs that begin before the block need of it is copied.
    pending_.insert(pending_.end(), block.begin(),
                    block.begin() + static_cast<std::ptrdiff_t>(missing));
    RunPair(pending_.data(), output);
    if (pair_step < num_pending) {
      pending_.erase(pending_.begin(),
                     pending_.begin() + static_cast<std::ptrdiff_t>(pair_step));
      block = block.subspan(missing);
      continue;
    }
    pending_.clear();
    block = block.subspan(pair_step - num_pending);
    for (; block.size() >= PairSize(); block = block.subspan(pair_step)) {
      RunPair(block.data(), output);
    }
    pending_.assign(block.begin(), block.end());
    return;
  }
}

void SpectralEngine::Finish(std::vector<float>* output) {
  const int64_t length =
      ResampledLength(num_samples_in_, source_rate_hz_, target_rate_hz_);
  // soxr rounds the length to nearest; librosa rounds it up and appends zeros.
  const double ratio = static_cast<double>(source_rate_hz_) / target_rate_hz_;
  const auto num_computed = std::min(
      length,
      static_cast<int64_t>(static_cast<double>(num_samples_in_) / ratio + 0.5));
  const int64_t num_before = std::max<int64_t>(num_samples_out_, 0);
  const auto pair_step = static_cast<size_t>(2 * plan_->block_step);
  tail_.clear();
  while (num_samples_out_ < num_computed) {
    pending_.resize(PairSize(), 0.0f);
    RunPair(pending_.data(), &tail_);
    const size_t step = std::min(pair_step, pending_.size());
    pending_.erase(pending_.begin(),
                   pending_.begin() + static_cast<std::ptrdiff_t>(step));
  }
  assert(num_before <= num_computed);
  output->insert(output->end(), tail_.begin(),
                 tail_.begin() + (num_computed - num_before));
  output->resize(output->size() + static_cast<size_t>(length - num_computed));
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
