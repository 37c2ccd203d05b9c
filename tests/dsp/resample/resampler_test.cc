#include "dsp/resample/resampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace melmill {
namespace {

constexpr int kTargetRateHz = 16000;

// The promised difference from librosa.
constexpr double kLibrosaTolerance = 2e-6;

// A signal that looks like noise and that NumPy can reproduce:
//   ((np.arange(n) * 7919 % 65536 - 32768) / 65536).astype(np.float32)
std::vector<float> TestSignal(int64_t num_samples) {
  std::vector<float> samples;
  for (int64_t i = 0; i < num_samples; ++i) {
    samples.push_back(static_cast<float>(i * 7919 % 65536 - 32768) / 65536);
  }
  return samples;
}

SampleVector Resample(const std::vector<float>& samples, int source_rate_hz) {
  Resampler resampler(std::nullopt);
  resampler.Start(source_rate_hz, kTargetRateHz);
  SampleVector output;
  resampler.Process(samples, &output);
  resampler.Finish(&output);
  return output;
}

struct GoldenClip {
  int source_rate_hz;
  size_t num_samples_out;
  std::vector<std::pair<size_t, float>> samples;
};

// librosa 0.11.0, python-soxr 1.1.0 (libsoxr 0.1.3-14-ga66f3ee):
//   librosa.resample(TestSignal(3000), orig_sr=rate, target_sr=16000)
// At 100 Hz a block gives more than one staging buffer holds, and so does the
// end of the clip.
const GoldenClip kGoldenClips[] = {
    {44100,
     1089,
     {{0, -0.274617612f},
      {1, -0.247486889f},
      {544, -0.353740603f},
      {1087, -0.189720631f},
      {1088, 0.0f}}},
    {48000,
     1000,
     {{0, -0.267565489f},
      {1, -0.227442443f},
      {500, -0.349570185f},
      {998, 0.234900445f},
      {999, -0.303206086f}}},
    {22050,
     2177,
     {{0, -0.403819203f},
      {1, -0.351835132f},
      {1088, -0.36709854f},
      {2175, -0.368489444f},
      {2176, -0.0988508239f}}},
    {11025,
     4354,
     {{0, -0.492653787f},
      {1, -0.455312878f},
      {2177, -0.244295642f},
      {4352, -0.193154007f},
      {4353, -0.0281939209f}}},
    {8000,
     6000,
     {{0, -0.512189746f},
      {1, -0.516594648f},
      {3000, -0.239638999f},
      {5998, -0.152670607f},
      {5999, -0.0254563857f}}},
    {96000,
     500,
     {{0, -0.17773515f},
      {1, 0.0329039432f},
      {250, -0.0386187173f},
      {498, 0.00386550603f},
      {499, -0.0473110303f}}},
    {12345,
     3889,
     {{0, -0.492653728f},
      {1, -0.424883902f},
      {1944, -0.234982073f},
      {3887, -0.137302235f},
      {3888, 0.0f}}},
    {15999,
     3001,
     {{0, -0.492653728f},
      {1, -0.356779248f},
      {1500, -0.234379992f},
      {2999, -0.191084474f},
      {3000, 0.0f}}},
    {100,
     480000,
     {{0, -0.51022929f},
      {1, -0.520805717f},
      {240000, -0.239661947f},
      {420000, -0.378833771f},
      {450000, 0.476805985f},
      {479999, 0.0315259621f}}},
};

TEST(Resampler, EqualsLibrosa) {
  for (const GoldenClip& golden : kGoldenClips) {
    const auto output = Resample(TestSignal(3000), golden.source_rate_hz);
    ASSERT_EQ(output.size(), golden.num_samples_out) << golden.source_rate_hz;
    for (const auto& [index, value] : golden.samples) {
      EXPECT_NEAR(output[index], value, kLibrosaTolerance)
          << golden.source_rate_hz << " Hz, sample " << index;
    }
  }
}

TEST(Resampler, OutputDoesNotDependOnHowTheClipIsCut) {
  std::mt19937 random(7);
  for (const int rate : {44100, 48000, 22050, 8000, 12345, 96000, 15999}) {
    const auto samples = TestSignal(30000);
    const auto whole = Resample(samples, rate);
    for (const size_t max_block : {1u, 50u, 7000u}) {
      Resampler resampler(std::nullopt);
      resampler.Start(rate, kTargetRateHz);
      SampleVector output;
      for (size_t start = 0; start < samples.size();) {
        const size_t size =
            std::min(samples.size() - start, size_t{random() % max_block + 1});
        resampler.Process(std::span(samples).subspan(start, size), &output);
        resampler.Process({}, &output);
        start += size;
      }
      resampler.Finish(&output);
      ASSERT_EQ(output, whole) << rate << " Hz in blocks up to " << max_block;
    }
  }
}

// Resamples a clip of several sub-blocks, in one call and in smaller calls.
TEST(Resampler, OutputDoesNotDependOnSubBlocks) {
  for (const int rate : {44100, 8000}) {
    const auto samples = TestSignal(400'000);
    Resampler resampler(std::nullopt);
    resampler.Start(rate, kTargetRateHz);
    SampleVector output;
    for (size_t start = 0; start < samples.size(); start += 1000) {
      resampler.Process(std::span(samples).subspan(start, 1000), &output);
    }
    resampler.Finish(&output);
    ASSERT_EQ(output, Resample(samples, rate)) << rate;
  }
}

TEST(Resampler, GivesTheLengthOfLibrosaForEveryShortClip) {
  for (const int rate : {1000, 6000, 7350, 8000, 11025, 12345, 16001, 22050,
                         32000, 44100, 48000, 96000, 192000, 768000}) {
    for (int64_t n = 0; n <= 40; ++n) {
      ASSERT_EQ(static_cast<int64_t>(Resample(TestSignal(n), rate).size()),
                ResampledLength(n, rate, kTargetRateHz))
          << n << " samples at " << rate << " Hz";
    }
  }
}

// libsoxr gives no sample at all; librosa appends a zero.
TEST(Resampler, MakesAZeroOfOneSample) {
  EXPECT_EQ(Resample({0.5f}, 44100), SampleVector{0.0f});
}

TEST(Resampler, KeepsSilence) {
  const auto output = Resample(std::vector<float>(50000, 0.0f), 44100);
  EXPECT_EQ(output, SampleVector(output.size(), 0.0f));
}

TEST(Resampler, CopiesAtEqualRates) {
  const auto samples = TestSignal(1000);
  EXPECT_EQ(Resample(samples, kTargetRateHz),
            SampleVector(samples.begin(), samples.end()));
}

TEST(Resampler, AppendsToWhatTheOutputHolds) {
  const auto samples = TestSignal(500);
  SampleVector output = {1.0f, 2.0f};
  Resampler resampler(std::nullopt);
  resampler.Start(48000, kTargetRateHz);
  resampler.Process(samples, &output);
  resampler.Finish(&output);
  SampleVector expected = {1.0f, 2.0f};
  for (const float sample : Resample(samples, 48000)) {
    expected.push_back(sample);
  }
  EXPECT_EQ(output, expected);
}

TEST(Resampler, DoesNotReallocateAnOutputThatWasReserved) {
  const auto samples = TestSignal(400'000);
  SampleVector output;
  output.reserve(static_cast<size_t>(
      ResampledLength(static_cast<int64_t>(samples.size()), 44100, 16000)));
  const float* data = output.data();
  Resampler resampler(std::nullopt);
  resampler.Start(44100, kTargetRateHz);
  resampler.Process(samples, &output);
  resampler.Finish(&output);
  EXPECT_EQ(output.data(), data);
}

TEST(Resampler, ObjectsOnDifferentThreadsAreIndependent) {
  const auto samples = TestSignal(20000);
  const int rates[] = {44100, 48000, 8000, 22050};
  std::vector<SampleVector> outputs(std::size(rates));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::size(rates); ++i) {
    threads.emplace_back([&, i] { outputs[i] = Resample(samples, rates[i]); });
  }
  for (auto& thread : threads) thread.join();
  for (size_t i = 0; i < std::size(rates); ++i) {
    EXPECT_EQ(outputs[i], Resample(samples, rates[i])) << rates[i];
  }
}

TEST(Resampler, ThrowsForARateThatIsNotPositive) {
  Resampler resampler(std::nullopt);
  EXPECT_THROW(resampler.Start(0, 16000), std::invalid_argument);
  EXPECT_THROW(resampler.Start(16000, -1), std::invalid_argument);
}

// Python: int(np.ceil(n * (16000.0 / rate))). 147 samples at 7,350 Hz are 320
// exactly, but not in float64.
TEST(ResampledLength, IsTheCeilingInFloat64) {
  struct Case {
    int64_t num_samples;
    int rate;
    int64_t expected;
  };
  for (const Case& c : {Case{147, 7350, 321}, Case{441, 44100, 160},
                        Case{1, 44100, 1}, Case{1, 8000, 2}, Case{1, 768000, 1},
                        Case{1, 1, 16000}, Case{160000, 44100, 58050},
                        Case{0, 44100, 0}, Case{4147200000, 48000, 1382400000},
                        Case{1099511627777, 44100, 398915783321}}) {
    EXPECT_EQ(ResampledLength(c.num_samples, c.rate, 16000), c.expected)
        << c.num_samples << " at " << c.rate;
  }
}

TEST(ResampledLength, KeepsTheLengthAtEqualRates) {
  constexpr int64_t kBeyondFloat64 = (int64_t{1} << 53) + 1;
  EXPECT_EQ(ResampledLength(kBeyondFloat64, 16000, 16000), kBeyondFloat64);
}

TEST(ResampledLength, SaturatesForLyingSizes) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(ResampledLength(kMax, 8000, 16000), kMax);
}

TEST(ResamplerVersion, NamesTheLibrary) {
  EXPECT_EQ(ResamplerVersion(std::nullopt).substr(0, 8), "libsoxr-");
}

}  // namespace
}  // namespace melmill
