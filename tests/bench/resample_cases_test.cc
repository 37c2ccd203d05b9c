#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "bench/stages.h"
#include "dsp/resample/resampler.h"
#include "dsp/resample/spectral_resampler.h"
#include "dsp/simd/simd_target.h"

namespace melmill {
namespace {

constexpr int kTargetRateHz = 16000;

using Samples = SampleVector;

// A resampler that changes soxr's output.
BenchResampler SoxrWith(const std::string& name,
                        std::function<void(Samples*)> change) {
  BenchResampler kind;
  kind.name = name;
  kind.supports = [](int, int) { return true; };
  kind.fuses_multiply_add = true;
  kind.resample = [change](std::span<const float> mono, int source_rate_hz,
                           int target_rate_hz, Samples* samples) {
    Resampler resampler(std::nullopt);
    resampler.Start(source_rate_hz, target_rate_hz);
    resampler.Process(mono, samples);
    resampler.Finish(samples);
    change(samples);
  };
  return kind;
}

void Nothing(Samples*) {}

// Moves every sample by this much, alternately up and down.
std::function<void(Samples*)> Off(float by) {
  return [by](Samples* samples) {
    for (size_t i = 0; i < samples->size(); ++i) {
      (*samples)[i] += i % 2 == 0 ? by : -by;
    }
  };
}

std::function<void(Samples*)> OffOnce(float by) {
  return [by](Samples* samples) { samples->at(100) += by; };
}

class BenchResampleTest : public testing::Test {
 protected:
  BenchResampleTest() {
    clips_ = MakeSyntheticClips();
    std::erase_if(clips_, [](const BenchClip& clip) {
      return clip.duration_s() > 3;  // leaves one clip of 16 kHz, one of 8 kHz
    });
  }

  std::vector<BenchCase> Run(const std::vector<BenchResampler>& kinds) {
    std::vector<BenchCase> cases =
        MakeResampleCases(clips_, kTargetRateHz, kinds);
    RunCases(
        1, [] { return false; }, cases);
    return cases;
  }

  // Whether a kind before soxr, and a kind after it, are timed.
  std::vector<bool> AreTimed(std::function<void(Samples*)> first,
                             std::function<void(Samples*)> second = Nothing) {
    std::vector<bool> timed;
    for (const BenchCase& bench_case :
         Run({SoxrWith("first", first), SoxrWith("second", second),
              MakeBenchResamplers().back()})) {
      EXPECT_EQ(bench_case.checked.passed, !bench_case.seconds.empty());
      timed.push_back(bench_case.checked.passed);
      texts_.push_back(bench_case.checked.text);
    }
    return timed;
  }

  std::vector<BenchClip> clips_;
  std::vector<std::string> texts_;
};

TEST_F(BenchResampleTest, TimesWhatIsRight) {
  EXPECT_EQ(AreTimed(Nothing), (std::vector<bool>{true, true, true}));
  EXPECT_EQ(texts_[0], "max difference 0.0e+00, RMS 0.0e+00");
  EXPECT_EQ(texts_[1], texts_[0] + "; the same bits as first");
  EXPECT_EQ(texts_[2].find("a tone within "), 0u);
}

TEST_F(BenchResampleTest, DoesNotTimeSamplesThatAreOff) {
  EXPECT_TRUE(AreTimed(OffOnce(0.9e-6f))[0]);
  EXPECT_FALSE(AreTimed(OffOnce(1.2e-6f))[0]);
  EXPECT_FALSE(AreTimed(OffOnce(std::nanf("")))[0]);
  EXPECT_FALSE(AreTimed(OffOnce(std::numeric_limits<float>::infinity()))[0]);
  const float nan = std::nanf("");
  EXPECT_FALSE(AreTimed([nan](Samples* samples) { samples->back() = nan; })[0]);
}

TEST_F(BenchResampleTest, DoesNotTimeAnRmsAboveTheLimit) {
  EXPECT_TRUE(AreTimed(Off(4e-8f))[0]);
  EXPECT_FALSE(AreTimed(Off(8e-8f))[0]);
}

TEST_F(BenchResampleTest, LoudClipsHaveNoLimitOfTheRms) {
  for (BenchClip& clip : clips_) {
    ASSERT_EQ(clip.header.encoding, SampleEncoding::kPcm16);
    for (size_t i = 1; i < clip.data.size(); i += 2) {  // the high byte
      clip.data[i] ^= std::byte{0x40};
    }
  }
  EXPECT_TRUE(AreTimed(Off(8e-8f))[0]);
  EXPECT_FALSE(AreTimed(OffOnce(1.2e-6f))[0]);
  EXPECT_FALSE(AreTimed(OffOnce(std::nanf("")))[0]);
}

TEST_F(BenchResampleTest, DoesNotTimeAnotherLength) {
  EXPECT_FALSE(AreTimed([](Samples* samples) { samples->pop_back(); })[0]);
  EXPECT_NE(texts_[0].find(" samples instead of "), std::string::npos);
  EXPECT_FALSE(AreTimed([](Samples* samples) { samples->push_back(0); })[0]);
}

TEST_F(BenchResampleTest, DoesNotTimeOtherBits) {
  const auto last_bit = [](Samples* samples) {
    samples->at(100) = std::nextafter(samples->at(100), 1.0f);
  };
  EXPECT_EQ(AreTimed(Nothing, last_bit),
            (std::vector<bool>{true, false, true}));
  EXPECT_NE(texts_[1].find("; OTHER bits as first"), std::string::npos);
}

TEST_F(BenchResampleTest, DoesNotTimeAReferenceThatDistorts) {
  std::vector<BenchCase> cases = Run({SoxrWith("reference", OffOnce(0))});
  EXPECT_TRUE(cases.at(0).checked.passed);
  cases = Run({SoxrWith("reference", Off(1e-4f))});
  EXPECT_FALSE(cases.at(0).checked.passed);
  EXPECT_EQ(cases.at(0).checked.text.find("a tone within "), 0u);
}

TEST_F(BenchResampleTest, LeavesOutRatesThatAKindDoesNotSupport) {
  BenchResampler kind = SoxrWith("first", Nothing);
  kind.supports = [](int source_rate_hz, int target_rate_hz) {
    EXPECT_EQ(target_rate_hz, kTargetRateHz);
    return source_rate_hz != 8000;
  };
  const auto cases = Run({kind, MakeBenchResamplers().back()});
  ASSERT_EQ(cases.size(), 1u);
  EXPECT_EQ(cases[0].variant, "soxr");
  EXPECT_EQ(cases[0].input, "8000 Hz");
  EXPECT_TRUE(cases[0].checked.passed);
}

TEST_F(BenchResampleTest, TheMachinesOwnKindsAreRight) {
  const std::vector<BenchResampler> kinds = MakeBenchResamplers();
  EXPECT_EQ(kinds.back().name, "soxr");
  EXPECT_EQ(kinds.size(), SupportedSimdTargets().size() + 1);
  const auto cases = Run(kinds);
  EXPECT_EQ(cases.size(),
            SpectralSupports(8000, kTargetRateHz) ? kinds.size() : 1u);
  for (const BenchCase& bench_case : cases) {
    EXPECT_TRUE(bench_case.checked.passed)
        << bench_case.variant << ": " << bench_case.checked.text;
  }
}

}  // namespace
}  // namespace melmill
