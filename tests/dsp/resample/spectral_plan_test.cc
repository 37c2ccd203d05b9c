#include "dsp/resample/spectral_plan.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <thread>
#include <vector>

#include "dsp/resample/soxr_stages.h"
#include "tests/support/chain_oracle.h"

namespace melmill {
namespace {

constexpr int kTargetRateHz = 16000;

TEST(SpectralShapes, FitTheRatio) {
  for (const int rate : kSpectralRatesHz) {
    const auto shapes = SpectralShapes(rate, kTargetRateHz);
    ASSERT_FALSE(shapes.empty()) << rate;
    for (const SpectralShape& shape : shapes) {
      const SpectralPlan plan(rate, kTargetRateHz, shape);
      const int64_t size_in = plan.tables.forward.size();
      const int64_t size_out = plan.tables.inverse.size();
      ASSERT_EQ(size_in * kTargetRateHz, size_out * rate);
      ASSERT_EQ(int64_t{plan.tables.block_step} * kTargetRateHz,
                int64_t{plan.tables.num_valid} * rate);
      ASSERT_EQ(plan.lead_in * kTargetRateHz,
                int64_t{plan.tables.guard + plan.num_skipped} * rate);
      ASSERT_EQ(plan.tables.guard % kMaxLanes, 0);
      ASSERT_EQ(plan.tables.num_valid % kMaxLanes, 0);
      ASSERT_GT(plan.tables.num_valid, 0);
      ASSERT_LT(plan.num_skipped, plan.tables.num_valid);
    }
  }
}

// The guard on either side of the valid outputs must cover the filters' reach.
TEST(SpectralShapes, LeaveTheFiltersRoom) {
  for (const int rate : kSpectralRatesHz) {
    double seconds = 0;
    double rate_hz = rate;
    for (const ResampleStage& stage : SoxrHqStages(rate, kTargetRateHz)) {
      rate_hz *= stage.up;
      seconds += static_cast<double>(stage.taps.size() / 2) / rate_hz;
      rate_hz /= stage.down;
    }
    for (const SpectralShape& shape : SpectralShapes(rate, kTargetRateHz)) {
      const SpectralPlan plan(rate, kTargetRateHz, shape);
      ASSERT_GE(plan.tables.guard, seconds * kTargetRateHz) << rate;
      ASSERT_GE(plan.tables.inverse.size() - plan.tables.guard -
                    plan.tables.num_valid,
                seconds * kTargetRateHz)
          << rate;
    }
  }
}

TEST(SpectralPlan, HasNoTransientForOneStage) {
  for (const int rate : {8000, 12000, 24000, 32000, 48000}) {
    EXPECT_EQ(GetSpectralPlan(rate, kTargetRateHz).start.num_outputs, 0);
  }
}

// Compares the chain that drops outputs before time 0 with the same chain for a
// clip that starts late enough to lose nothing.
TEST(SpectralPlan, KnowsWhatTheChainLosesAtTheStart) {
  for (const int rate : {11025, 22050, 44100, 88200, 96000, 176400, 192000}) {
    const SpectralPlan& plan = GetSpectralPlan(rate, kTargetRateHz);
    const auto stages = SoxrHqStages(rate, kTargetRateHz);
    const int common = std::gcd(rate, kTargetRateHz);
    const int64_t delay = 2000 / (kTargetRateHz / common) + 1;
    const auto delay_in = static_cast<size_t>(delay * (rate / common));
    const auto delay_out =
        static_cast<size_t>(delay * (kTargetRateHz / common));
    const size_t count = 300;
    const auto samples = MakeNoise(static_cast<size_t>(rate / 25), 11);
    std::vector<float> late(delay_in, 0.0f);
    late.insert(late.end(), samples.begin(), samples.end());
    const auto dropped = RunChain(stages, samples, count);
    const auto whole = RunChain(stages, late, delay_out + count);
    double largest = 0;
    for (size_t j = 0; j < count; ++j) {
      double change = 0;
      if (j < static_cast<size_t>(plan.start.num_outputs)) {
        const auto num_inputs = static_cast<size_t>(plan.start.num_inputs);
        for (size_t i = 0; i < num_inputs; ++i) {
          change += samples[i] * double{plan.start.weights[j * num_inputs + i]};
        }
      }
      const double expected = dropped[j] - whole[delay_out + j];
      largest = std::max(largest, std::abs(expected));
      ASSERT_NEAR(change, expected, 4e-8) << rate << " Hz, output " << j;
    }
    EXPECT_GT(largest, 1e-5) << rate;
  }
}

TEST(SpectralPlan, IsMadeOnceAndSharedByThreads) {
  std::vector<const SpectralPlan*> plans(4);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < plans.size(); ++i) {
    threads.emplace_back(
        [&plans, i] { plans[i] = &GetSpectralPlan(44100, kTargetRateHz); });
  }
  for (auto& thread : threads) thread.join();
  for (const SpectralPlan* plan : plans) EXPECT_EQ(plan, plans[0]);
}

}  // namespace
}  // namespace melmill
