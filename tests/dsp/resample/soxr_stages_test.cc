#include "dsp/resample/soxr_stages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "dsp/resample/soxr_resampler.h"
#include "tests/support/chain_oracle.h"

namespace melmill {
namespace {

constexpr int kTargetRateHz = 16000;

double NyquistHz(int rate_hz) { return std::min(rate_hz, kTargetRateHz) / 2.0; }

double Gain(int rate_hz, double frequency_hz) {
  return ChainResponse(SoxrHqStages(rate_hz, kTargetRateHz), rate_hz,
                       frequency_hz);
}

TEST(SoxrHqStages, AreThereForTheListedRatesOnly) {
  for (const int rate : kSpectralRatesHz) {
    EXPECT_TRUE(HasSoxrHqStages(rate, kTargetRateHz)) << rate;
    EXPECT_FALSE(HasSoxrHqStages(rate, 24000)) << rate;
  }
  for (const int rate : {1, 6000, 8001, 11127, 16000, 44056, 47952, 384000}) {
    EXPECT_FALSE(HasSoxrHqStages(rate, kTargetRateHz)) << rate;
  }
}

TEST(SoxrHqStages, MakeUpTheRatio) {
  for (const int rate : kSpectralRatesHz) {
    double ratio = 1;
    for (const ResampleStage& stage : SoxrHqStages(rate, kTargetRateHz)) {
      ratio *= static_cast<double>(stage.up) / stage.down;
    }
    EXPECT_DOUBLE_EQ(ratio * rate, kTargetRateHz) << rate;
  }
}

TEST(SoxrHqStages, AreSymmetricAndOddInLength) {
  for (const int rate : kSpectralRatesHz) {
    for (const ResampleStage& stage : SoxrHqStages(rate, kTargetRateHz)) {
      ASSERT_EQ(stage.taps.size() % 2, 1u) << rate;
      for (size_t i = 0; i < stage.taps.size() / 2; ++i) {
        ASSERT_EQ(stage.taps[i], stage.taps[stage.taps.size() - 1 - i]);
      }
    }
  }
}

// This proves that the chain is libsoxr's. The samples are the same from the
// first one of a loud clip to the last, up to libsoxr's own single precision.
TEST(SoxrHqStages, GiveWhatLibsoxrGives) {
  for (const int rate : kSpectralRatesHz) {
    const auto samples = MakeNoise(static_cast<size_t>(rate / 20 + 3), 1);
    SampleVector soxr;
    const auto engine = MakeSoxrEngine();
    engine->Start(rate, kTargetRateHz);
    engine->Process(samples, &soxr);
    engine->Finish(&soxr);
    const auto chain =
        RunChain(SoxrHqStages(rate, kTargetRateHz), samples, soxr.size());
    for (size_t i = 0; i + 1 < soxr.size(); ++i) {
      ASSERT_NEAR(chain[i], soxr[i], 1.5e-7) << rate << " Hz, sample " << i;
    }
  }
}

TEST(ChainResponse, IsTheSumOfTheTapsAtZero) {
  for (const int rate : kSpectralRatesHz) {
    EXPECT_NEAR(Gain(rate, 0), 1, 3e-6) << rate;
  }
}

// Compares with the definition, at an arbitrary frequency.
TEST(ChainResponse, IsTheCosineSumOfTheTaps) {
  for (const int rate : kSpectralRatesHz) {
    const double frequency_hz = 0.937 * NyquistHz(rate);
    double expected = 1;
    double rate_hz = rate;
    for (const ResampleStage& stage : SoxrHqStages(rate, kTargetRateHz)) {
      rate_hz *= stage.up;
      double sum = 0;
      for (size_t i = 0; i < stage.taps.size(); ++i) {
        const double t =
            static_cast<double>(i) - static_cast<double>(stage.taps.size() / 2);
        sum += stage.taps[i] * std::cos(2 * M_PI * frequency_hz * t / rate_hz);
      }
      expected *= sum / stage.up;
      rate_hz /= stage.down;
    }
    EXPECT_NEAR(Gain(rate, frequency_hz), expected, 1e-12) << rate;
  }
}

TEST(ChainResponse, KeepsThePassBand) {
  for (const int rate : kSpectralRatesHz) {
    // The rates that 11,025 Hz divides have an interpolator, which droops.
    const double droop = rate % 11025 == 0 ? 1.1e-3 : 1.5e-6;
    for (double share = 0; share <= 0.91; share += 0.007) {
      ASSERT_NEAR(Gain(rate, share * NyquistHz(rate)), 1, droop + 1.5e-6)
          << rate << " Hz at " << share;
    }
    EXPECT_NEAR(20 * std::log10(Gain(rate, 0.95 * NyquistHz(rate))), -2.8, 0.1)
        << rate;
  }
}

TEST(ChainResponse, RejectsWhatWouldAlias) {
  for (const int rate : kSpectralRatesHz) {
    if (rate < kTargetRateHz) continue;
    for (double hz = kTargetRateHz / 2.0; hz < rate / 2.0; hz += 71) {
      ASSERT_LT(std::abs(Gain(rate, hz)), std::pow(10, -125 / 20.0))
          << rate << " Hz at " << hz;
    }
  }
}

}  // namespace
}  // namespace melmill
