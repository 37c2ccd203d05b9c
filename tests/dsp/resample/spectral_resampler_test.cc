#include "dsp/resample/spectral_resampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <numbers>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include "dsp/resample/resampler.h"
#include "dsp/resample/soxr_resampler.h"
#include "dsp/resample/soxr_stages.h"
#include "dsp/resample/spectral_plan.h"
#include "tests/support/chain_oracle.h"

namespace {

// Whether aligned memory can be allocated.
std::atomic<bool> has_aligned_memory{true};

}  // namespace

[[gnu::noinline]] void* operator new(size_t size, std::align_val_t alignment) {
  const auto step = static_cast<size_t>(alignment);
  void* memory = has_aligned_memory
                     ? std::aligned_alloc(step, (size + step - 1) / step * step)
                     : nullptr;
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory,
                                       std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t,
                                       std::align_val_t) noexcept {
  std::free(memory);
}

namespace melmill {
namespace {

constexpr int kTargetRateHz = 16000;

SampleVector RunEngine(ResampleEngine& engine, std::span<const float> samples,
                       int rate) {
  SampleVector output;
  engine.Start(rate, kTargetRateHz);
  engine.Process(samples, &output);
  engine.Finish(&output);
  return output;
}

SampleVector Spectral(SimdTarget target, std::span<const float> samples,
                      int rate) {
  return RunEngine(*MakeSpectralEngine(target), samples, rate);
}

SampleVector Soxr(std::span<const float> samples, int rate) {
  return RunEngine(*MakeSoxrEngine(), samples, rate);
}

std::vector<float> Tone(size_t num_samples, double cycles_per_sample,
                        double amplitude) {
  std::vector<float> samples(num_samples);
  for (size_t i = 0; i < num_samples; ++i) {
    samples[i] = static_cast<float>(
        amplitude * std::sin(2 * std::numbers::pi * cycles_per_sample *
                             static_cast<double>(i)));
  }
  return samples;
}

// Returns infinity if a value is NaN.
template <typename A, typename B>
double LargestDifference(const A& a, const B& b) {
  double largest = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double difference =
        std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(difference <= largest)) {
      largest = std::isnan(difference) ? INFINITY : difference;
    }
  }
  return largest;
}

template <typename A, typename B>
double RmsDifference(const A& a, const B& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += d * d;
  }
  return std::sqrt(sum / static_cast<double>(a.size()));
}

TEST(SpectralResampler, IsForTheListedRates) {
  for (const int rate : kSpectralRatesHz) {
    EXPECT_TRUE(SpectralSupports(rate, kTargetRateHz));
  }
  EXPECT_FALSE(SpectralSupports(44056, kTargetRateHz));
  EXPECT_FALSE(SpectralSupports(48000, 24000));
}

// The ideal has the response of soxr's filters, and no aliases.
TEST(SpectralResampler, IsNoFurtherFromTheIdealThanSoxr) {
  for (const int rate : kSpectralRatesHz) {
    // A second of silence for the start transient.
    std::vector<float> samples(static_cast<size_t>(rate), 0.0f);
    const auto noise = MakeNoise(static_cast<size_t>(rate / 2), 1);
    samples.insert(samples.end(), noise.begin(), noise.end());
    auto soxr = Soxr(samples, rate);
    soxr.pop_back();  // this may be the zero that librosa appends
    const auto ideal = RunIdeal(SoxrHqStages(rate, kTargetRateHz), rate,
                                kTargetRateHz, samples, soxr.size());
    for (const SimdTarget target : SupportedSimdTargets()) {
      auto spectral = Spectral(target, samples, rate);
      spectral.pop_back();
      EXPECT_LE(RmsDifference(spectral, ideal), RmsDifference(soxr, ideal))
          << rate << " Hz, " << SimdTargetName(target);
      EXPECT_LE(LargestDifference(spectral, ideal), 1e-7) << rate;
    }
  }
}

// Lengths from 0 up, and lengths around those that fill two or four blocks.
std::vector<size_t> Lengths(int rate) {
  std::vector<size_t> lengths;
  for (size_t n = 0; n <= 33333; n = n < 40 ? n + 1 : n * 5 / 4 + 1) {
    lengths.push_back(n);
  }
  const SpectralPlan& plan = GetSpectralPlan(rate, kTargetRateHz);
  for (const int num_blocks : {2, 4}) {
    const auto outputs = static_cast<size_t>(
        num_blocks * plan.tables.num_valid - plan.num_skipped);
    const size_t filling = outputs * static_cast<size_t>(rate) / kTargetRateHz;
    for (size_t n = filling - 2; n <= filling + 2; ++n) lengths.push_back(n);
  }
  return lengths;
}

TEST(SpectralResampler, EqualsSoxrForEveryShortClip) {
  for (const int rate : kSpectralRatesHz) {
    const auto samples = MakeNoise(60000, 2);
    for (const SimdTarget target : SupportedSimdTargets()) {
      const auto engine = MakeSpectralEngine(target);
      const auto soxr = MakeSoxrEngine();
      for (const size_t n : Lengths(rate)) {
        const std::span<const float> clip = std::span(samples).first(n);
        const auto expected = RunEngine(*soxr, clip, rate);
        const auto actual = RunEngine(*engine, clip, rate);
        ASSERT_EQ(actual.size(), expected.size()) << n << " at " << rate;
        ASSERT_LE(LargestDifference(actual, expected), 3e-7)
            << n << " samples at " << rate << " Hz";
      }
    }
  }
}

// For some lengths libsoxr gives one sample fewer than librosa.
TEST(SpectralResampler, EndsWithTheZeroThatLibrosaAppends) {
  const std::vector<float> loud(100, 0.9f);
  for (const SimdTarget target : SupportedSimdTargets()) {
    EXPECT_EQ(Spectral(target, std::span(loud).first(1), 48000),
              SampleVector{0.0f});
    // 10 samples at 44.1 kHz are 3.63 at 16 kHz, 20 are 7.26.
    EXPECT_NE(Spectral(target, std::span(loud).first(10), 44100).back(), 0.0f);
    EXPECT_EQ(Spectral(target, std::span(loud).first(20), 44100).back(), 0.0f);
  }
}

TEST(SpectralResampler, OutputDoesNotDependOnHowTheClipIsCut) {
  std::mt19937 random(7);
  for (const int rate : kSpectralRatesHz) {
    const auto samples = MakeNoise(static_cast<size_t>(rate), 3);
    for (const SimdTarget target : SupportedSimdTargets()) {
      const auto whole = Spectral(target, samples, rate);
      const auto engine = MakeSpectralEngine(target);
      for (const size_t max_block : {1000u, 20000u, 60000u}) {
        SampleVector output;
        engine->Start(rate, kTargetRateHz);
        for (size_t start = 0; start < samples.size();) {
          const size_t size = std::min(samples.size() - start,
                                       size_t{random() % max_block + 1});
          engine->Process(std::span(samples).subspan(start, size), &output);
          engine->Process({}, &output);
          start += size;
        }
        engine->Finish(&output);
        ASSERT_EQ(output, whole) << rate << " Hz in blocks up to " << max_block;
      }
    }
  }
}

TEST(SpectralResampler, GivesTheSameBitsWithAllThatFuseMultiplyAdd) {
  for (const int rate : kSpectralRatesHz) {
    const auto samples = MakeNoise(static_cast<size_t>(rate), 4);
    SampleVector first;
    for (const SimdTarget target : SupportedSimdTargets()) {
      if (!FusesMultiplyAdd(target)) continue;
      const auto output = Spectral(target, samples, rate);
      if (first.empty()) first = output;
      ASSERT_EQ(output, first) << rate << ' ' << SimdTargetName(target);
    }
  }
}

TEST(SpectralResampler, KeepsSilence) {
  for (const int rate : kSpectralRatesHz) {
    const std::vector<float> silence(static_cast<size_t>(rate / 2), 0.0f);
    for (const SimdTarget target : SupportedSimdTargets()) {
      const auto output = Spectral(target, silence, rate);
      EXPECT_EQ(output, SampleVector(output.size(), 0.0f)) << rate;
    }
  }
}

// The clip is noise of -14 dB RMS with peaks near full scale, then silence,
// then noise again. The output must be zero as soon as the filters have left
// the noise.
TEST(SpectralResampler, KeepsSilenceBesideNoise) {
  for (const int rate : kSpectralRatesHz) {
    const auto noise = MakeNoise(static_cast<size_t>(2 * rate), 5);
    std::vector<float> samples(noise.size());
    for (size_t i = 0; i < noise.size(); ++i) {
      const bool is_silent = i >= noise.size() / 6 && i < noise.size() / 2;
      samples[i] = is_silent ? 0.0f : 2 * noise[i];
    }
    const size_t begin = 2 * kTargetRateHz / 6;
    const size_t end = 2 * kTargetRateHz / 2;
    for (const SimdTarget target : SupportedSimdTargets()) {
      const auto output = Spectral(target, samples, rate);
      const auto soxr = Soxr(samples, rate);
      for (size_t i = begin; i < end; ++i) {
        ASSERT_NEAR(output[i], soxr[i], 4e-7) << rate << ' ' << i;
      }
      for (size_t i = begin + 400; i < end - 400; ++i) {
        ASSERT_EQ(output[i], 0.0f) << rate << ' ' << i;
      }
    }
  }
}

// The noise is followed by silence with an occasional sample of -100 dB.
TEST(SpectralResampler, LeaksLittleIntoAQuietStretch) {
  for (const int rate : kSpectralRatesHz) {
    const auto noise = MakeNoise(static_cast<size_t>(rate / 3), 5);
    std::vector<float> loud(static_cast<size_t>(2 * rate), 0.0f);
    std::vector<float> quiet(loud.size(), 0.0f);
    for (size_t i = 0; i < noise.size(); ++i) loud[i] = 2 * noise[i];
    for (size_t i = noise.size(); i < quiet.size(); i += 50) quiet[i] = 1e-5f;
    std::vector<float> both(loud.size());
    for (size_t i = 0; i < both.size(); ++i) both[i] = loud[i] + quiet[i];
    for (const SimdTarget target : SupportedSimdTargets()) {
      const auto alone = Spectral(target, quiet, rate);
      const auto beside = Spectral(target, both, rate);
      for (size_t i = kTargetRateHz / 3 + 400; i < alone.size(); ++i) {
        ASSERT_NEAR(beside[i], alone[i], 1.2e-7) << rate << ' ' << i;
      }
    }
  }
}

// The clip is a tone of full scale above 8 kHz, whose alias would be heard.
TEST(SpectralResampler, RejectsWhatWouldAlias) {
  const SimdTarget target = SupportedSimdTargets().front();
  for (const int rate : kSpectralRatesHz) {
    if (rate < kTargetRateHz) continue;
    for (const double hz : {8000.0, 8100.0, 0.3 * rate + 3000, 0.499 * rate}) {
      if (hz < 8000 || hz > 0.5 * rate) continue;
      // The tone is faded in and out, because an abrupt start has more
      // frequencies.
      auto samples = Tone(static_cast<size_t>(rate), hz / rate, 1.0);
      const double length = static_cast<double>(samples.size());
      for (size_t i = 0; i < samples.size(); ++i) {
        const double u = (static_cast<double>(i) + 0.5) / length;
        samples[i] *=
            static_cast<float>(std::pow(std::sin(std::numbers::pi * u), 8));
      }
      const auto output = Spectral(target, samples, rate);
      const std::vector<float> nothing(output.size(), 0.0f);
      const std::vector<float> none(samples.size(), 0.0f);
      const double rejection_db =
          20 * std::log10(RmsDifference(samples, none) /
                          RmsDifference(output, nothing));
      EXPECT_GE(rejection_db, 125) << rate << " Hz, tone of " << hz;
    }
  }
}

// The response to an impulse is symmetric in time. The impulse is where a
// sample and an output coincide.
TEST(SpectralResampler, HasLinearPhase) {
  for (const int rate : kSpectralRatesHz) {
    const size_t middle_out = 3200;
    const auto middle_in = middle_out / 160 * static_cast<size_t>(rate) / 100;
    std::vector<float> samples(2 * middle_in + 1, 0.0f);
    samples[middle_in] = 1;
    const auto output = Spectral(SupportedSimdTargets().front(), samples, rate);
    for (size_t i = 1; i < middle_out - 100; ++i) {
      // The tolerance is the rounding of a full-scale sample in single
      // precision.
      ASSERT_NEAR(output[middle_out + i], output[middle_out - i], 0x1p-24)
          << rate << ' ' << i;
    }
  }
}

// Samples too large for single precision must not stay in the memory that the
// next clip uses.
TEST(SpectralResampler, ForgetsAClipThatOverflowed) {
  for (const int rate : kSpectralRatesHz) {
    const auto samples = MakeNoise(static_cast<size_t>(rate / 2), 6);
    const std::vector<float> huge(samples.size(), 3e38f);
    for (const SimdTarget target : SupportedSimdTargets()) {
      const auto engine = MakeSpectralEngine(target);
      const auto expected = RunEngine(*engine, samples, rate);
      RunEngine(*engine, huge, rate);
      ASSERT_EQ(RunEngine(*engine, samples, rate), expected) << rate;
    }
  }
}

TEST(SpectralResampler, IsAsGoodAsNewAfterThereWasNoMemory) {
  const auto samples = MakeNoise(60'000, 10);
  const SimdTarget target = SupportedSimdTargets().front();
  const auto expected = Spectral(target, samples, 192000);
  const auto engine = MakeSpectralEngine(target);
  RunEngine(*engine, samples, 24000);
  has_aligned_memory = false;
  EXPECT_THROW(engine->Start(192000, kTargetRateHz), std::bad_alloc);
  has_aligned_memory = true;
  EXPECT_EQ(RunEngine(*engine, samples, 192000), expected);
}

TEST(SpectralResampler, DoesNotReallocateAnOutputThatWasReserved) {
  const auto samples = MakeNoise(100'000, 8);
  for (const int rate : kSpectralRatesHz) {
    SampleVector output;
    output.reserve(static_cast<size_t>(ResampledLength(
        static_cast<int64_t>(samples.size()), rate, kTargetRateHz)));
    const float* data = output.data();
    const auto engine = MakeSpectralEngine(SupportedSimdTargets().front());
    engine->Start(rate, kTargetRateHz);
    engine->Process(samples, &output);
    engine->Finish(&output);
    EXPECT_EQ(output.data(), data) << rate;
  }
}

TEST(SpectralResampler, ObjectsOnDifferentThreadsAreIndependent) {
  const auto samples = MakeNoise(50'000, 9);
  const SimdTarget target = SupportedSimdTargets().front();
  const int rates[] = {44100, 48000, 8000, 44100};
  std::vector<SampleVector> outputs(std::size(rates));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::size(rates); ++i) {
    threads.emplace_back(
        [&, i] { outputs[i] = Spectral(target, samples, rates[i]); });
  }
  for (auto& thread : threads) thread.join();
  for (size_t i = 0; i < std::size(rates); ++i) {
    EXPECT_EQ(outputs[i], Spectral(target, samples, rates[i])) << rates[i];
  }
}

TEST(SpectralVersion, TellsWhoseBitsAreTheSame) {
  EXPECT_EQ(SpectralVersion(SimdTarget::kAvx512),
            SpectralVersion(SimdTarget::kAvx2));
  EXPECT_NE(SpectralVersion(SimdTarget::kAvx2),
            SpectralVersion(SimdTarget::kSse4));
}

}  // namespace
}  // namespace melmill
