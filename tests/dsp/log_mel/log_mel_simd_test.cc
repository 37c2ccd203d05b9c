#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "dsp/features/bfloat16.h"
#include "dsp/features/feature_grid.h"
#include "dsp/features/float16.h"
#include "dsp/log_mel/log_mel.h"
#include "dsp/simd/simd_target.h"
#include "tests/support/half_to_float.h"
#include "tests/support/log_mel_oracle.h"

namespace melmill {
namespace {

// The tolerances are on the normalised scale. A cell's error grows with its
// distance from the frame's loudest bins: single precision leaves about 1e-7 of
// their amplitude everywhere. In noise the low filters, of one bin each, have a
// null now and then; a pure tone's far bins lie 80 dB down. Speech has neither,
// and is held to 5e-5 by tests/python/test_simd.py.
constexpr double kNoisyTolerance = 2e-4;
constexpr double kRms = 3e-6;
constexpr double kTonalTolerance = 5e-4;

std::vector<int16_t> Noise(size_t num_samples, double amplitude,
                           uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int16_t> samples(num_samples);
  for (int16_t& sample : samples) {
    const double unit = static_cast<double>(random()) / 0x1p31 - 1;
    sample = static_cast<int16_t>(std::lround(amplitude * 32767 * unit));
  }
  return samples;
}

// A tone that glides, comes and goes, over noise: harder than speech.
std::vector<int16_t> Glide(size_t num_samples, uint32_t seed) {
  std::vector<int16_t> samples = Noise(num_samples, 0.003, seed);
  for (size_t i = 0; i < num_samples; ++i) {
    const double t = static_cast<double>(i) / 16000;
    const double envelope = 0.4 * std::pow(std::sin(9 * t), 2);
    samples[i] = static_cast<int16_t>(
        samples[i] +
        std::lround(envelope * 32767 * std::sin(t * (1200 + 300 * t + seed))));
  }
  return samples;
}

std::vector<float> ToFloats(const std::vector<int16_t>& samples) {
  std::vector<float> floats;
  for (const int16_t sample : samples) floats.push_back(sample / 32768.0f);
  return floats;
}

struct Features {
  std::vector<std::byte> bytes;
  ClipLevels levels;

  friend bool operator==(const Features& a, const Features& b) {
    return a.bytes == b.bytes &&
           std::memcmp(&a.levels, &b.levels, sizeof(a.levels)) == 0;
  }
  std::vector<float> Floats() const {
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
};

template <typename Sample>
Features Compute(const LogMel& log_mel, const std::vector<Sample>& samples,
                 FeatureType type) {
  Features features;
  const int64_t num_frames =
      NumFrames(log_mel.options(), static_cast<int64_t>(samples.size()));
  features.bytes.resize(static_cast<size_t>(num_frames) *
                        static_cast<size_t>(log_mel.options().mel.n_mels) *
                        ComputedSize(type));
  const auto workspace = log_mel.MakeWorkspace();
  features.levels = log_mel.Compute(std::span<const Sample>(samples), type,
                                    features.bytes, *workspace);
  features.bytes.resize(features.bytes.size() / ComputedSize(type) *
                        FeatureSize(type));
  return features;
}

void ExpectClose(const Features& actual, const Features& expected,
                 const std::string& what) {
  const std::vector<float> a = actual.Floats();
  const std::vector<float> b = expected.Floats();
  ASSERT_EQ(a.size(), b.size()) << what;
  double max = 0;
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    if (!(difference <= max)) max = difference;  // NaN too
    sum += difference * difference;
  }
  EXPECT_LE(max, kTonalTolerance) << what;
  // Short clips are too few cells for an average to mean anything.
  if (a.size() > 10'000) {
    EXPECT_LE(std::sqrt(sum / static_cast<double>(a.size())), kRms) << what;
  }
  EXPECT_NEAR(actual.levels.floor, expected.levels.floor, 1e-5) << what;
  EXPECT_NEAR(actual.levels.body_max, expected.levels.body_max, 4e-5) << what;
}

class SimdLogMel : public testing::TestWithParam<SimdTarget> {};

INSTANTIATE_TEST_SUITE_P(Targets, SimdLogMel,
                         testing::ValuesIn(SupportedSimdTargets()),
                         [](const auto& target) {
                           return std::string(SimdTargetName(target.param));
                         });

TEST(SimdTargets, ThereIsOneHere) {
  ASSERT_FALSE(SupportedSimdTargets().empty());
  for (const SimdTarget target : SupportedSimdTargets()) {
    EXPECT_EQ(FindSimdTarget(SimdTargetName(target)), target);
  }
  EXPECT_EQ(FindSimdTarget("mmx"), std::nullopt);
}

TEST_P(SimdLogMel, IsCloseToTheDefinition) {
  const auto log_mel = MakeSimdLogMel({}, GetParam());
  const auto expect_close = [&](const std::vector<int16_t>& samples,
                                double tolerance, const char* what) {
    const auto floats = ToFloats(samples);
    const auto expected = oracle::Log10Mel(floats, {});
    const Features features = Compute(*log_mel, floats, FeatureType::kFloat32);
    const auto values = features.Floats();
    const double floor = std::max(features.levels.body_max - 8.0, -10.0);
    double worst = 0;
    double body_max = -10;
    for (size_t t = 0; t < expected.size(); ++t) {
      for (size_t m = 0; m < 128; ++m) {
        const double value = (std::max(expected[t][m], floor) + 4) / 4;
        const double error = std::abs(values[128 * t + m] - value);
        if (!(error <= worst)) worst = error;
        if (t * 160 + 200 <= floats.size()) {
          body_max = std::max(body_max, expected[t][m]);
        }
      }
    }
    EXPECT_LE(worst, tolerance) << what;
    EXPECT_NEAR(features.levels.body_max, body_max, 4e-5) << what;
  };
  expect_close(Glide(16000, 1), kTonalTolerance, "glide");
  expect_close(Noise(16000, 1.0, 2), kNoisyTolerance, "loud noise");
  expect_close(Noise(16000, 0.001, 3), kNoisyTolerance, "quiet noise");
  expect_close(std::vector<int16_t>(4000, 0), 0, "silence");
  expect_close(std::vector<int16_t>(4000, -32768), kTonalTolerance, "DC");
  std::vector<int16_t> tone(8000);
  for (size_t i = 0; i < tone.size(); ++i) {
    tone[i] =
        static_cast<int16_t>(32767 * std::sin(2 * std::numbers::pi * 3020.0 *
                                              static_cast<double>(i) / 16000));
  }
  expect_close(tone, kTonalTolerance, "tone");
  std::vector<int16_t> impulse(4000, 0);
  impulse[2345] = 32767;
  expect_close(impulse, kNoisyTolerance, "impulse");
}

TEST_P(SimdLogMel, IsCloseToTheGeneralPathForEveryShortClip) {
  const auto general = MakeGeneralLogMel({});
  const auto log_mel = MakeSimdLogMel({}, GetParam());
  for (size_t n = 201; n <= 1000; ++n) {
    const auto samples = Noise(n, 0.3, static_cast<uint32_t>(n));
    const Features expected = Compute(*general, samples, FeatureType::kFloat32);
    const Features actual = Compute(*log_mel, samples, FeatureType::kFloat32);
    ExpectClose(actual, expected, std::to_string(n) + " samples");
    if (HasFailure()) return;
  }
}

// The lengths cover several pieces and, occasionally, every remainder of frames
// and samples.
TEST_P(SimdLogMel, IsCloseToTheGeneralPathForRandomLengths) {
  const auto general = MakeGeneralLogMel({});
  const auto log_mel = MakeSimdLogMel({}, GetParam());
  std::mt19937 random(7);
  std::vector<size_t> lengths = {3024 * 160, 3024 * 160 + 39, 3025 * 160 + 40,
                                 7000 * 160 + 1};
  for (int i = 0; i < 25; ++i) lengths.push_back(1000 + random() % 100'000);
  for (const size_t n : lengths) {
    const auto samples = Glide(n, static_cast<uint32_t>(n));
    const Features expected = Compute(*general, samples, FeatureType::kFloat32);
    const Features actual = Compute(*log_mel, samples, FeatureType::kFloat32);
    ExpectClose(actual, expected, std::to_string(n) + " samples");
    if (HasFailure()) return;
  }
}

// The loud last 39 samples belong only to the last frame, which is no body
// frame.
TEST_P(SimdLogMel, LeavesTheEndOutOfTheBody) {
  const auto general = MakeGeneralLogMel({});
  const auto log_mel = MakeSimdLogMel({}, GetParam());
  for (const size_t num_frames : {2u, 15u, 16u, 17u, 33u, 100u}) {
    for (const size_t rest : {0u, 39u, 40u}) {
      const size_t n = num_frames * 160 + rest;
      auto samples = Noise(n, 1e-3, 5);
      for (size_t i = n - 30; i < n; ++i) samples[i] = 32767;
      const Features expected =
          Compute(*general, samples, FeatureType::kFloat32);
      const Features actual = Compute(*log_mel, samples, FeatureType::kFloat32);
      EXPECT_NEAR(actual.levels.body_max, expected.levels.body_max, 1e-4) << n;
      EXPECT_NEAR(actual.levels.floor, expected.levels.floor, 1e-4) << n;
      const float all_max = actual.levels.floor * 4 - 4 + 8;
      EXPECT_EQ(actual.levels.body_max < all_max - 0.1f, rest < 40) << n;
    }
  }
}

TEST_P(SimdLogMel, TakesPcm16ForTheSameFloats) {
  const auto log_mel = MakeSimdLogMel({}, GetParam());
  for (const size_t n : {201u, 399u, 1000u, 16000u, 50'123u}) {
    auto samples = Glide(n, 3);
    samples[n / 2] = -32768;
    samples[n / 3] = 32767;
    const auto floats = ToFloats(samples);
    for (const FeatureType type : kFeatureTypes) {
      EXPECT_TRUE(Compute(*log_mel, samples, type) ==
                  Compute(*log_mel, floats, type))
          << n;
    }
  }
}

TEST_P(SimdLogMel, RoundsFloat32ToTheShorterTypes) {
  // These include numbers of filters that fill no vector, and one filter of 200
  // bins.
  for (const int n_mels : {128, 80, 1, 3, 8, 17, 40, 129, 200}) {
    const LogMelOptions options{.mel = {.n_mels = n_mels}};
    const auto log_mel = MakeSimdLogMel(options, GetParam());
    for (const double amplitude : {1.0, 0.03, 1e-4}) {
      const auto samples = Noise(9000, amplitude, 11);
      const auto full =
          Compute(*log_mel, samples, FeatureType::kFloat32).Floats();
      const Features half = Compute(*log_mel, samples, FeatureType::kFloat16);
      const Features brain = Compute(*log_mel, samples, FeatureType::kBfloat16);
      ASSERT_EQ(half.bytes.size(), 2 * full.size());
      ASSERT_EQ(brain.bytes.size(), 2 * full.size());
      for (size_t i = 0; i < full.size(); ++i) {
        uint16_t bits;
        std::memcpy(&bits, half.bytes.data() + 2 * i, 2);
        ASSERT_EQ(HalfToFloat(bits), HalfToFloat(FloatToHalf(full[i])))
            << n_mels << " mels, at " << i;
        std::memcpy(&bits, brain.bytes.data() + 2 * i, 2);
        ASSERT_EQ(bits, FloatToBfloat16(full[i]))
            << n_mels << " mels, at " << i;
      }
    }
  }
}

// The last frame reaches beyond the end of a clip of less than 40 samples more
// than its hops. Its bytes count from the clip's floor, which the loud end
// raises, the others from the body's.
TEST_P(SimdLogMel, CountsBytesFromTheFloorOfTheirFrame) {
  for (const int n_mels : {128, 80, 17}) {
    const LogMelOptions options{.mel = {.n_mels = n_mels}};
    const auto log_mel = MakeSimdLogMel(options, GetParam());
    for (const size_t num_samples : {330u, 8990u, 9000u}) {
      auto samples = Noise(num_samples, 0.001, 11);
      for (size_t i = num_samples - 30; i < num_samples; ++i) {
        samples[i] = 30'000;
      }
      const Features full = Compute(*log_mel, samples, FeatureType::kFloat32);
      const Features bytes = Compute(*log_mel, samples, FeatureType::kUint8);
      const std::vector<float> values = full.Floats();
      ASSERT_EQ(bytes.bytes.size(), values.size());
      EXPECT_EQ(bytes.levels.floor, full.levels.floor);
      const uint16_t body = GridStep(log_mel->BodyFloor(full.levels));
      const uint16_t end = GridStep(full.levels.floor);
      const bool has_end = num_samples % 160 < 40;
      const size_t num_body =
          values.size() - (has_end ? static_cast<size_t>(n_mels) : 0);
      EXPECT_EQ(end > body, has_end) << "the end is meant to be loud";
      for (size_t i = 0; i < values.size(); ++i) {
        const int base = i < num_body ? body : end;
        ASSERT_EQ(static_cast<int>(bytes.bytes[i]),
                  std::clamp(GridStep(values[i]) - base, 0, 255))
            << num_samples << " samples, " << n_mels << " mels, at " << i;
      }
    }
  }
}

TEST_P(SimdLogMel, IsCloseToTheGeneralPathForOtherFilters) {
  const std::vector<LogMelOptions> geometries = {
      {.mel = {.n_mels = 80}},
      {.mel = {.n_mels = 23,
               .f_min_hz = 20,
               .f_max_hz = 7600,
               .scale = MelScale::kHtk,
               .norm = MelNorm::kNone},
       .window = WindowType::kHamming},
      {.mel = {.n_mels = 1}},
      {.mel = {.n_mels = 250}},  // many filters without a bin
      {.mel = {.sample_rate_hz = 8000, .n_mels = 40, .f_max_hz = 4000},
       .window = WindowType::kBlackman,
       .power_floor = 1e-6,
       .dynamic_range_log10 = 5}};
  for (size_t i = 0; i < geometries.size(); ++i) {
    const auto samples = Glide(20'011, 9);
    const Features expected = Compute(*MakeGeneralLogMel(geometries[i]),
                                      samples, FeatureType::kFloat32);
    const Features actual = Compute(*MakeSimdLogMel(geometries[i], GetParam()),
                                    samples, FeatureType::kFloat32);
    ExpectClose(actual, expected, "geometry " + std::to_string(i));
  }
}

TEST_P(SimdLogMel, LeavesHugeSamplesToTheGeneralPath) {
  const auto general = MakeGeneralLogMel({});
  const auto log_mel = MakeSimdLogMel({}, GetParam());
  auto samples = ToFloats(Noise(5000, 0.5, 4));
  for (const float huge : {0x1p20f, 1e19f, 3e38f, -3e38f}) {
    for (const size_t place : {0u, 17u, 4999u}) {
      auto with_one = samples;
      with_one[place] = huge;
      EXPECT_TRUE(Compute(*log_mel, with_one, FeatureType::kFloat32) ==
                  Compute(*general, with_one, FeatureType::kFloat32))
          << huge << " at " << place;
    }
  }
}

// A window that moves over the clip gives the bits of the whole clip in
// memory, wherever it lies.
TEST_P(SimdLogMel, DoesNotDependOnHowAClipLiesInMemory) {
  const auto log_mel = MakeSimdLogMel({}, GetParam());
  const size_t n = (2 * 3024 + 77) * 160 + 25;
  const auto samples = ToFloats(Glide(n, 6));
  const Features whole = Compute(*log_mel, samples, FeatureType::kFloat32);
  std::vector<std::byte> bytes(whole.bytes.size());
  const auto workspace = log_mel->MakeWorkspace();
  FrameMaxima maxima;
  const auto num_frames = static_cast<int64_t>(n / 160);
  for (int64_t first = 0; first < num_frames; first += kPieceFrames) {
    const int64_t count = std::min(kPieceFrames, num_frames - first);
    const auto begin =
        static_cast<size_t>(std::max<int64_t>(0, first * 160 - 200));
    const size_t end =
        std::min(n, static_cast<size_t>((first + count - 1) * 160 + 200 + 1));
    const std::vector<float> window(
        samples.begin() + static_cast<ptrdiff_t>(begin),
        samples.begin() + static_cast<ptrdiff_t>(end));
    log_mel->ComputePiece(
        ClipWindow<float>{window, static_cast<int64_t>(begin),
                          static_cast<int64_t>(n)},
        {first, count}, FeatureType::kFloat32,
        std::span(bytes).subspan(static_cast<size_t>(first) * 512,
                                 static_cast<size_t>(count) * 512),
        *workspace, &maxima);
  }
  const ClipLevels levels = log_mel->Levels(maxima);
  log_mel->Clamp(levels, FeatureType::kFloat32,
                 NumEndFrames(log_mel->options(), static_cast<int64_t>(n)),
                 bytes);
  EXPECT_TRUE(bytes == whole.bytes);
  EXPECT_EQ(levels.body_max, whole.levels.body_max);
  EXPECT_EQ(levels.floor, whole.levels.floor);
}

// A workspace carries nothing from clip to clip.
TEST_P(SimdLogMel, GivesTheSameAgain) {
  const auto log_mel = MakeSimdLogMel({}, GetParam());
  const auto workspace = log_mel->MakeWorkspace();
  const auto samples = Glide(30'000, 12);
  const Features fresh = Compute(*log_mel, samples, FeatureType::kFloat16);
  for (const size_t n : {500u, 70'000u, 201u}) {
    const auto other = Noise(n, 1.0, 1);
    std::vector<uint16_t> sink(n / 160 * 128);
    log_mel->Compute(std::span<const int16_t>(other), FeatureType::kFloat16,
                     std::as_writable_bytes(std::span(sink)), *workspace);
    std::vector<std::byte> bytes(fresh.bytes.size());
    log_mel->Compute(std::span<const int16_t>(samples), FeatureType::kFloat16,
                     bytes, *workspace);
    EXPECT_TRUE(bytes == fresh.bytes);
  }
}

// A cluster of mixed machines relies on this.
TEST(SimdLogMelTargets, GiveTheSameBitsWhereMultiplyAddsAreFused) {
  std::vector<SimdTarget> fused;
  for (const SimdTarget target : SupportedSimdTargets()) {
    if (FusesMultiplyAdd(target)) fused.push_back(target);
  }
  if (fused.size() < 2) GTEST_SKIP() << "this machine has one such target";
  std::mt19937 random(1);
  std::vector<size_t> lengths;
  for (size_t n = 201; n <= 1000; ++n) lengths.push_back(n);
  for (size_t frames = 1; frames <= 70; ++frames) {
    lengths.push_back(201 + frames * 160 + random() % 160);
  }
  for (int i = 0; i < 20; ++i) lengths.push_back(1000 + random() % 400'000);
  lengths.push_back(3024 * 160 * 2 + 5);
  for (const int n_mels : {128, 80}) {
    const LogMelOptions options{.mel = {.n_mels = n_mels}};
    for (size_t i = 1; i < fused.size(); ++i) {
      const auto first = MakeSimdLogMel(options, fused[0]);
      const auto other = MakeSimdLogMel(options, fused[i]);
      for (const size_t n : lengths) {
        const auto samples = Glide(n, static_cast<uint32_t>(n));
        const FeatureType type = kFeatureTypes[n % kFeatureTypes.size()];
        ASSERT_TRUE(Compute(*first, samples, type) ==
                    Compute(*other, samples, type))
            << n << " samples, " << n_mels << " mels";
      }
    }
  }
}

TEST(SimdLogMelTargets, AreForOneGeometry) {
  for (const SimdTarget target : SupportedSimdTargets()) {
    EXPECT_EQ(MakeSimdLogMel({.mel = {.n_fft = 512}}, target), nullptr);
    EXPECT_EQ(MakeSimdLogMel({.hop_length = 161}, target), nullptr);
    EXPECT_THROW(MakeSimdLogMel({.mel = {.n_mels = 0}}, target),
                 std::invalid_argument);
  }
}

}  // namespace
}  // namespace melmill
