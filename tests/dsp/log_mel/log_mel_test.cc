#include "dsp/log_mel/log_mel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <numbers>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "dsp/features/bfloat16.h"
#include "dsp/features/feature_grid.h"
#include "dsp/features/float16.h"
#include "tests/support/allocation_counter.h"
#include "tests/support/half_to_float.h"
#include "tests/support/log_mel_oracle.h"

namespace melmill {
namespace {

constexpr int kSampleRateHz = 16000;

// In float64 the FFT's rounding errors are below 1e-9 on the normalised scale
// even next to a full-scale tone, so what is left is the one rounding of the
// result to float32: half a unit, 2^-24 of the value.
constexpr double kAbsoluteTolerance = 1e-8;
constexpr double kRelativeTolerance = 1.25 * 0x1p-24;

struct Features {
  std::vector<float> values;
  ClipLevels levels;
};

// Values of the 16-bit types are returned as floats.
Features Compute(const LogMel& log_mel, const LogMelOptions& options,
                 const std::vector<float>& samples, FeatureType type,
                 LogMel::Workspace& workspace) {
  const auto num_samples = static_cast<int64_t>(samples.size());
  const auto num_values = static_cast<size_t>(NumFrames(options, num_samples)) *
                          static_cast<size_t>(options.mel.n_mels);
  Features features;
  features.values.resize(num_values);
  if (type == FeatureType::kFloat32) {
    features.levels = log_mel.Compute(
        samples, type, std::as_writable_bytes(std::span(features.values)),
        workspace);
    return features;
  }
  std::vector<uint16_t> halves(num_values);
  features.levels = log_mel.Compute(
      samples, type, std::as_writable_bytes(std::span(halves)), workspace);
  std::ranges::transform(
      halves, features.values.begin(), [type](uint16_t bits) {
        return type == FeatureType::kFloat16
                   ? HalfToFloat(bits)
                   : std::bit_cast<float>(uint32_t{bits} << 16);
      });
  return features;
}

Features Compute(const LogMelOptions& options,
                 const std::vector<float>& samples,
                 FeatureType type = FeatureType::kFloat32) {
  const auto log_mel = MakeGeneralLogMel(options);
  return Compute(*log_mel, options, samples, type, *log_mel->MakeWorkspace());
}

double Normalised(double log10_power) { return (log10_power + 4) / 4; }

// The floor that max(row, floor) must use for a clip whose maximum is
// `max_log10_power`.
double ExpectedFloor(const LogMelOptions& options, double max_log10_power) {
  return Normalised(std::max(max_log10_power - options.dynamic_range_log10,
                             std::log10(options.power_floor)));
}

bool Differs(double actual, double expected) {
  const double error = std::abs(actual - expected);
  // This is written so that NaN counts as different.
  return !(error <= kAbsoluteTolerance ||
           error <= kRelativeTolerance * std::abs(expected));
}

void ExpectMatchesOracle(const LogMelOptions& options,
                         const std::vector<float>& samples,
                         const std::string& what) {
  const auto expected = oracle::Log10Mel(samples, options);
  const Features actual = Compute(options, samples);
  const size_t n_mels = static_cast<size_t>(options.mel.n_mels);
  ASSERT_EQ(actual.values.size(), expected.size() * n_mels) << what;

  double body_max = -std::numeric_limits<double>::infinity();
  double clip_max = body_max;
  for (size_t t = 0; t < expected.size(); ++t) {
    const double frame_max =
        *std::max_element(expected[t].begin(), expected[t].end());
    const int64_t end = static_cast<int64_t>(t) * options.hop_length +
                        (options.mel.n_fft + 1) / 2;
    clip_max = std::max(clip_max, frame_max);
    if (end <= static_cast<int64_t>(samples.size())) {
      body_max = std::max(body_max, frame_max);
    }
  }
  EXPECT_FLOAT_EQ(actual.levels.body_max, static_cast<float>(body_max)) << what;
  const double floor = ExpectedFloor(options, static_cast<float>(clip_max));
  EXPECT_FALSE(Differs(actual.levels.floor, floor))
      << what << ": floor " << actual.levels.floor << " != " << floor;

  const double stored_floor = ExpectedFloor(options, actual.levels.body_max);
  for (size_t i = 0; i < actual.values.size(); ++i) {
    const double value =
        std::max(Normalised(expected[i / n_mels][i % n_mels]), stored_floor);
    ASSERT_FALSE(Differs(actual.values[i], value))
        << what << ": frame " << i / n_mels << " mel " << i % n_mels << ": "
        << actual.values[i] << " != " << value << ", by "
        << actual.values[i] - value;
  }
}

std::vector<float> Silence(size_t num_samples) {
  return std::vector<float>(num_samples, 0.0f);
}

std::vector<float> Tone(size_t num_samples, double frequency_hz,
                        double amplitude) {
  std::vector<float> samples(num_samples);
  for (size_t i = 0; i < num_samples; ++i) {
    const double turns = frequency_hz * static_cast<double>(i) / kSampleRateHz;
    samples[i] =
        static_cast<float>(amplitude * std::sin(2 * std::numbers::pi * turns));
  }
  return samples;
}

std::vector<float> Square(size_t num_samples) {
  std::vector<float> samples(num_samples);
  for (size_t i = 0; i < num_samples; ++i) {
    samples[i] = i / 50 % 2 == 0 ? 1.0f : -1.0f;
  }
  return samples;
}

// The engine is portable; std's distributions are not.
std::vector<float> Noise(size_t num_samples, float amplitude, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> samples(num_samples);
  for (float& sample : samples) {
    sample = amplitude * (static_cast<float>(random() >> 8) * 0x1p-23f - 1);
  }
  return samples;
}

// A clip that is quiet, and loud in the samples that no body frame reaches.
std::vector<float> LoudEnd(size_t num_samples) {
  auto samples = Noise(num_samples, 1e-5f, 3);
  const auto end = Tone(100, 1000, 1.0);
  std::copy(end.begin(), end.end(), samples.end() - 100);
  return samples;
}

TEST(GeneralLogMel, EqualsTheDefinitionForSignalsOfEverySort) {
  const LogMelOptions options;
  constexpr size_t kNumSamples = 8000;
  auto impulse = Silence(kNumSamples);
  impulse[4321] = 1.0f;
  ExpectMatchesOracle(options, Silence(kNumSamples), "silence");
  ExpectMatchesOracle(options, std::vector<float>(kNumSamples, 1.0f), "DC");
  ExpectMatchesOracle(options, Square(kNumSamples), "square");
  ExpectMatchesOracle(options, impulse, "impulse");
  ExpectMatchesOracle(options, Tone(kNumSamples, 1000, 1), "tone at a bin");
  ExpectMatchesOracle(options, Tone(kNumSamples, 3020, 1), "tone between");
  ExpectMatchesOracle(options, Tone(kNumSamples, 7990, 0.5), "highest tone");
  ExpectMatchesOracle(options, Noise(kNumSamples, 1.0f, 1), "noise");
  ExpectMatchesOracle(options, Noise(kNumSamples, 1e-4f, 2), "quiet noise");
  ExpectMatchesOracle(options, Noise(kNumSamples, 1e-38f, 2), "subnormals");
  ExpectMatchesOracle(options, Noise(kNumSamples, 100.0f, 4), "beyond 1");
  ExpectMatchesOracle(options, LoudEnd(kNumSamples), "loud end");
}

TEST(GeneralLogMel, EqualsTheDefinitionForEveryShortClip) {
  const LogMelOptions options;
  for (size_t n = 201; n <= 520; ++n) {
    ExpectMatchesOracle(options, Noise(n, 0.3f, static_cast<uint32_t>(n)),
                        std::to_string(n) + " samples");
    if (HasFatalFailure()) return;
  }
}

TEST(GeneralLogMel, EqualsTheDefinitionForOtherGeometries) {
  const LogMelOptions htk{.mel = {.n_fft = 512,
                                  .n_mels = 80,
                                  .f_min_hz = 20,
                                  .f_max_hz = 7600,
                                  .scale = MelScale::kHtk,
                                  .norm = MelNorm::kNone},
                          .hop_length = 128,
                          .window = WindowType::kHamming};
  const LogMelOptions odd{.mel = {.n_fft = 401, .n_mels = 40},
                          .hop_length = 100,
                          .window = WindowType::kBlackman};
  const LogMelOptions prime{.mel = {.n_fft = 97, .n_mels = 10},
                            .hop_length = 31,
                            .window = WindowType::kRectangular,
                            .power_floor = 1e-6,
                            .dynamic_range_log10 = 3};
  const LogMelOptions sparse{.mel = {.n_fft = 64, .n_mels = 200},
                             .hop_length = 150};
  for (size_t n = 600; n < 1000; n += 13) {
    const auto samples = Noise(n, 0.3f, static_cast<uint32_t>(n));
    const std::string what = std::to_string(n) + " samples, ";
    ExpectMatchesOracle(htk, samples, what + "512/128 Hamming HTK");
    ExpectMatchesOracle(odd, samples, what + "401/100 Blackman");
    ExpectMatchesOracle(prime, samples, what + "97/31 rectangular");
    ExpectMatchesOracle(sparse, samples, what + "64/150, empty filters");
  }
}

TEST(GeneralLogMel, EqualsTheDefinitionForTheSmallestClip) {
  for (const int n_fft : {2, 3, 16, 17, 400, 401}) {
    for (const int hop_length : {1, n_fft, 2 * n_fft}) {
      const LogMelOptions options{.mel = {.n_fft = n_fft, .n_mels = 4},
                                  .hop_length = hop_length};
      const auto n = static_cast<size_t>(MinNumSamples(options));
      ExpectMatchesOracle(
          options, Noise(n, 0.3f, 9),
          std::to_string(n_fft) + "/" + std::to_string(hop_length));
    }
  }
}

// x = np.arange(2000)
// x = ((x * 7919 % 65536 - 32768) / 65536 * np.minimum(x, 800) / 800)
// WhisperFeatureExtractor(feature_size=n_mels)(
//     x.astype(np.float32), sampling_rate=16000, padding=False,
//     truncation=False).input_features[0].T[t, [0, 1, n_mels//2, n_mels-1]]
// transformers 4.57.6, NumPy path (it rounds the spectrum to complex64).
TEST(GeneralLogMel, EqualsTransformers) {
  constexpr double kTransformersTolerance = 2e-6;
  struct GoldenFrame {
    int n_mels;
    size_t frame;
    std::vector<float> values;
  };
  const GoldenFrame kGolden[] = {
      {128, 0, {-0.4874408f, -0.3898764f, -0.1185222f, 0.2959633f}},
      {128, 1, {0.03677636f, 0.1343408f, 0.1821957f, 0.5370066f}},
      {128, 5, {0.2085087f, 0.3060732f, 0.5782208f, 0.8638073f}},
      {128, 11, {0.268108f, 0.3656724f, 0.5815572f, 0.8697983f}},
      {80, 0, {-0.4116817f, -0.1626512f, -0.06931448f, 0.2859142f}},
      {80, 1, {0.1125355f, 0.01340878f, 0.2102622f, 0.5277488f}},
      {80, 5, {0.284268f, 0.4437121f, 0.5671974f, 0.8596561f}},
      {80, 11, {0.3438672f, 0.4558603f, 0.5673048f, 0.8658897f}},
  };
  std::vector<float> samples;
  for (int i = 0; i < 2000; ++i) {
    samples.push_back(static_cast<float>((i * 7919 % 65536 - 32768) / 65536.0 *
                                         std::min(i, 800) / 800));
  }
  for (const GoldenFrame& golden : kGolden) {
    const LogMelOptions options{.mel = {.n_mels = golden.n_mels}};
    const auto n_mels = static_cast<size_t>(golden.n_mels);
    const Features features = Compute(options, samples);
    ASSERT_EQ(features.values.size(), 12 * n_mels);
    const float* row = features.values.data() + golden.frame * n_mels;
    const size_t columns[] = {0, 1, n_mels / 2, n_mels - 1};
    for (size_t i = 0; i < std::size(columns); ++i) {
      EXPECT_NEAR(row[columns[i]], golden.values[i], kTransformersTolerance)
          << n_mels << " mels, frame " << golden.frame << ", mel "
          << columns[i];
    }
  }
}

TEST(GeneralLogMel, KeepsInTheRowWhatOnlyTheEndsLoudnessWouldClamp) {
  const LogMelOptions options;
  const Features features = Compute(options, LoudEnd(8000));
  EXPECT_LT(features.levels.body_max, -6.0f);
  EXPECT_GT(features.levels.floor, -1.0f);
  const float lowest =
      *std::min_element(features.values.begin(), features.values.end());
  EXPECT_LT(lowest, features.levels.floor - 0.1f);
}

TEST(GeneralLogMel, SilenceIsThePowerFloorEverywhere) {
  const Features features = Compute({}, Silence(1600));
  EXPECT_EQ(features.values, std::vector<float>(10 * 128, -1.5f));
  EXPECT_EQ(features.levels.body_max, -10.0f);
  EXPECT_EQ(features.levels.floor, -1.5f);
}

TEST(GeneralLogMel, ShorterTypesAreFloat32Rounded) {
  const LogMelOptions options;
  for (const auto& samples :
       {Silence(1600), Noise(8000, 1.0f, 5), Noise(8000, 0.02f, 6),
        Tone(8000, 440, 1.0), LoudEnd(8000)}) {
    const Features full = Compute(options, samples, FeatureType::kFloat32);
    const Features half = Compute(options, samples, FeatureType::kFloat16);
    const Features brain = Compute(options, samples, FeatureType::kBfloat16);
    for (const Features& rounded : {half, brain}) {
      EXPECT_EQ(rounded.levels.body_max, full.levels.body_max);
      EXPECT_EQ(rounded.levels.floor, full.levels.floor);
    }
    for (size_t i = 0; i < full.values.size(); ++i) {
      // Bits are compared, which distinguish -0 from +0.
      ASSERT_EQ(FloatToHalf(half.values[i]), FloatToHalf(full.values[i]))
          << "at " << i;
      ASSERT_EQ(std::bit_cast<uint32_t>(brain.values[i]),
                uint32_t{FloatToBfloat16(full.values[i])} << 16)
          << "at " << i;
    }
  }
}

// The general path's float32 features are the oracle's (above).
TEST(GeneralLogMel, BytesAreWithinTheirLargestError) {
  const LogMelOptions options;
  const auto log_mel = MakeGeneralLogMel(options);
  for (const auto& samples :
       {Silence(1600), Noise(8000, 1.0f, 5), Noise(8000, 0.02f, 6),
        Tone(8000, 440, 1.0), LoudEnd(8000)}) {
    const Features full = Compute(options, samples, FeatureType::kFloat32);
    std::vector<std::byte> bytes(2 * full.values.size());
    const ClipLevels levels = log_mel->Compute(
        samples, FeatureType::kUint8, bytes, *log_mel->MakeWorkspace());
    const size_t num_body = full.values.size() - 128;  // 8000 and 1600 % 160
    for (size_t i = 0; i < full.values.size(); ++i) {
      const float floor =
          i < num_body ? log_mel->BodyFloor(levels) : levels.floor;
      const float value =
          GridValue(GridStep(floor), static_cast<uint8_t>(bytes[i]));
      ASSERT_NEAR(std::max(value, floor), std::max(full.values[i], floor),
                  kGridLargestError)
          << "at " << i;
    }
  }
}

TEST(NumEndFrames, CountsFramesThatReachBeyondTheEnd) {
  for (const LogMelOptions& options :
       {LogMelOptions(), LogMelOptions{.hop_length = 7},
        LogMelOptions{.mel = {.n_fft = 33}, .hop_length = 50},
        LogMelOptions{.mel = {.n_fft = 512}, .hop_length = 128}}) {
    const int64_t n_fft = options.mel.n_fft;
    for (int64_t n = MinNumSamples(options); n < 1500; ++n) {
      int64_t count = 0;
      for (int64_t t = 0; t < NumFrames(options, n); ++t) {
        if (t * options.hop_length - n_fft / 2 + n_fft > n) ++count;
      }
      ASSERT_EQ(NumEndFrames(options, n), count) << n << " of " << n_fft;
    }
  }
}

void ExpectAllocatesNothing(const LogMel& log_mel) {
  const auto workspace = log_mel.MakeWorkspace();
  for (const size_t num_samples : {201u, 1600u, 160000u, 300000u}) {
    const auto samples = Noise(num_samples, 0.5f, 8);
    const std::vector<int16_t> pcm16(num_samples, 77);
    std::vector<float> features(num_samples / 160 * 128);
    const auto bytes = std::as_writable_bytes(std::span(features));
    const int64_t before = num_allocations;
    log_mel.Compute(samples, FeatureType::kFloat32, bytes, *workspace);
    log_mel.Compute(pcm16, FeatureType::kFloat16, bytes.first(bytes.size() / 2),
                    *workspace);
    log_mel.Compute(pcm16, FeatureType::kUint8, bytes.first(bytes.size() / 2),
                    *workspace);
    EXPECT_EQ(num_allocations - before, 0) << num_samples;
  }
}

TEST(GeneralLogMel, AllocatesNothingWhileItComputes) {
  ExpectAllocatesNothing(*MakeGeneralLogMel({}));
}

TEST(SimdLogMel, AllocatesNothingWhileItComputes) {
  for (const SimdTarget target : SupportedSimdTargets()) {
    ExpectAllocatesNothing(*MakeSimdLogMel({}, target));
  }
}

// A workspace carries nothing from clip to clip.
TEST(GeneralLogMel, ResultsDoNotDependOnTheClipBefore) {
  const LogMelOptions options;
  const auto log_mel = MakeGeneralLogMel(options);
  const auto workspace = log_mel->MakeWorkspace();
  const auto samples = Noise(2000, 0.1f, 10);
  const auto fresh = Compute(options, samples);
  Compute(*log_mel, options, Square(8000), FeatureType::kFloat16, *workspace);
  const auto reused =
      Compute(*log_mel, options, samples, FeatureType::kFloat32, *workspace);
  EXPECT_EQ(reused.values, fresh.values);
  EXPECT_EQ(reused.levels.floor, fresh.levels.floor);
}

TEST(GeneralLogMel, ThreadsWithOwnWorkspacesGetTheSameBits) {
  const LogMelOptions options;
  const auto log_mel = MakeGeneralLogMel(options);
  std::vector<std::vector<float>> clips;
  for (uint32_t i = 0; i < 20; ++i) {
    clips.push_back(Noise(3000 + 37 * i, 0.4f, i));
  }
  const auto compute_all = [&] {
    const auto workspace = log_mel->MakeWorkspace();
    std::vector<std::vector<float>> results;
    for (const auto& clip : clips) {
      results.push_back(
          Compute(*log_mel, options, clip, FeatureType::kFloat32, *workspace)
              .values);
    }
    return results;
  };
  const auto expected = compute_all();
  std::vector<std::vector<std::vector<float>>> results(4);
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] { result = compute_all(); });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& result : results) EXPECT_EQ(result, expected);
}

TEST(GeneralLogMel, IsMadeAndDestroyedByManyThreadsAtOnce) {
  const auto samples = Noise(1000, 0.4f, 11);
  const auto expected = Compute({}, samples).values;
  std::vector<std::thread> threads;
  std::atomic<int> num_wrong{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        if (Compute({}, samples).values != expected) ++num_wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(num_wrong, 0);
}

void ExpectRefused(const std::string& message_start,
                   const std::function<void(LogMelOptions*)>& spoil) {
  LogMelOptions options;
  spoil(&options);
  try {
    (void)MakeGeneralLogMel(options);
    ADD_FAILURE() << message_start << " was not refused";
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(std::string(error.what()).find(message_start), 0u)
        << error.what();
  }
}

TEST(MakeGeneralLogMel, RefusesOptionsOutOfRangeByName) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  ExpectRefused("LogMelOptions: hop_length",
                [](auto* o) { o->hop_length = 0; });
  ExpectRefused("LogMelOptions: hop_length", [](auto* o) {
    o->hop_length = std::numeric_limits<int>::max();
  });
  for (const double bad : {0.0, -1.0, kNan, kInfinity}) {
    ExpectRefused("LogMelOptions: power_floor",
                  [bad](auto* o) { o->power_floor = bad; });
    ExpectRefused("LogMelOptions: dynamic_range_log10",
                  [bad](auto* o) { o->dynamic_range_log10 = bad; });
  }
  ExpectRefused("MelFilterBankOptions: n_mels",
                [](auto* o) { o->mel.n_mels = 0; });
}

TEST(NumFrames, IsWhatTheExtractorKeeps) {
  const LogMelOptions options;
  EXPECT_EQ(NumFrames(options, 201), 1);
  EXPECT_EQ(NumFrames(options, 319), 1);
  EXPECT_EQ(NumFrames(options, 320), 2);
  EXPECT_EQ(NumFrames(options, 480000), 3000);
  const LogMelOptions odd{.mel = {.n_fft = 401}};
  EXPECT_EQ(NumFrames(odd, 320), 1);
  EXPECT_EQ(NumFrames(odd, 321), 2);
}

TEST(MinNumSamples, IsTheSmallestClipWithAFrameAndAReflection) {
  EXPECT_EQ(MinNumSamples({}), 201);
  EXPECT_EQ(MinNumSamples({.mel = {.n_fft = 401}}), 201);
  const LogMelOptions long_hop{.mel = {.n_fft = 64}, .hop_length = 150};
  EXPECT_EQ(MinNumSamples(long_hop), 150);
  EXPECT_EQ(NumFrames(long_hop, 150), 1);
}

}  // namespace
}  // namespace melmill
