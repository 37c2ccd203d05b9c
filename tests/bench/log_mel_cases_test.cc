#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bench/stages.h"
#include "dsp/features/float16.h"

namespace melmill {
namespace {

// The general path with an error in the first feature of each piece.
class WrongLogMel : public LogMel {
 public:
  enum class Fault { kNone, kLarge, kNan, kLastBit, kFloat16Only };

  explicit WrongLogMel(Fault fault)
      : LogMel(LogMelOptions()), right_(MakeGeneralLogMel({})), fault_(fault) {}

  std::unique_ptr<Workspace> MakeWorkspace() const override {
    return right_->MakeWorkspace();
  }
  void ComputePiece(const ClipWindow<float>& clip, FrameRange range,
                    FeatureType type, std::span<std::byte> features,
                    Workspace& workspace, FrameMaxima* maxima) const override {
    right_->ComputePiece(clip, range, type, features, workspace, maxima);
    Spoil(type, features);
  }
  void ComputePiece(const ClipWindow<int16_t>& clip, FrameRange range,
                    FeatureType type, std::span<std::byte> features,
                    Workspace& workspace, FrameMaxima* maxima) const override {
    right_->ComputePiece(clip, range, type, features, workspace, maxima);
    Spoil(type, features);
  }

 private:
  void Spoil(FeatureType type, std::span<std::byte> features) const {
    const bool is_float16 = type == FeatureType::kFloat16;
    switch (fault_) {
      case Fault::kNone:
        break;
      case Fault::kLarge:
      case Fault::kNan: {
        const float wrong = fault_ == Fault::kNan ? std::nanf("") : 3;
        const uint16_t rounded = FloatToHalf(wrong);
        std::memcpy(features.data(),
                    is_float16 ? static_cast<const void*>(&rounded) : &wrong,
                    FeatureSize(type));
        break;
      }
      case Fault::kLastBit:
        if (!is_float16) features[0] ^= std::byte{1};
        break;
      case Fault::kFloat16Only:
        if (is_float16) features[0] ^= std::byte{1};
        break;
    }
  }

  std::unique_ptr<LogMel> right_;
  Fault fault_;
};

using Fault = WrongLogMel::Fault;

class BenchLogMelTest : public testing::Test {
 protected:
  BenchLogMelTest() {
    clips_ = MakeSyntheticClips();
    std::erase_if(clips_, [](const BenchClip& clip) {
      return clip.duration_s() > 3;  // leaves one clip of 16 kHz, one of 8 kHz
    });
  }

  // Runs the cases of two fused kinds, which come before the general path.
  std::vector<BenchCase> Run(Fault first, Fault second) {
    std::vector<BenchLogMel> kinds = {
        {"first", std::make_shared<WrongLogMel>(first), true},
        {"second", std::make_shared<WrongLogMel>(second), true},
        {"general", std::make_shared<WrongLogMel>(Fault::kNone), false}};
    std::vector<BenchCase> cases = MakeLogMelCases(clips_, kinds);
    EXPECT_EQ(cases.size(), 6u);
    RunCases(
        1, [] { return false; }, cases);
    return cases;
  }

  std::vector<BenchClip> clips_;
};

void ExpectTimed(const BenchCase& bench_case, bool timed) {
  EXPECT_EQ(bench_case.checked.passed, timed)
      << bench_case.variant << ": " << bench_case.checked.text;
  EXPECT_EQ(bench_case.seconds.size(), timed ? 1u : 0u);
}

TEST_F(BenchLogMelTest, TimesWhatIsRight) {
  const auto cases = Run(Fault::kNone, Fault::kNone);
  for (const BenchCase& bench_case : cases) ExpectTimed(bench_case, true);
  EXPECT_EQ(cases[0].checked.text, "max difference 0.0e+00");
  EXPECT_EQ(cases[1].checked.text,
            "max difference 0.0e+00; the same bits as first");
  EXPECT_EQ(cases[2].checked.text, "the reference");
  // Only the clip of 16 kHz is int16; both are float.
  EXPECT_EQ(cases[0].input, "int16");
  EXPECT_NEAR(cases[0].audio_seconds, 2.03, 1e-4);
  EXPECT_EQ(cases[0].bytes_read, 2 * 32480u);
  EXPECT_EQ(cases[0].bytes_written, 203 * 128 * 2u);
  EXPECT_EQ(cases[3].input, "float32");
  EXPECT_NEAR(cases[3].audio_seconds, 2.03 + 2.91, 1e-3);
}

TEST_F(BenchLogMelTest, DoesNotTimeWrongFeatures) {
  for (const Fault fault : {Fault::kLarge, Fault::kNan}) {
    const auto cases = Run(fault, Fault::kNone);
    for (const size_t wrong : {0, 3}) {
      ExpectTimed(cases[wrong], false);
      EXPECT_EQ(cases[wrong].checked.text.find("max difference "), 0u);
    }
    ExpectTimed(cases[2], true);
  }
}

TEST_F(BenchLogMelTest, DoesNotTimeOtherBits) {
  const auto cases = Run(Fault::kNone, Fault::kLastBit);
  ExpectTimed(cases[0], true);
  ExpectTimed(cases[1], false);
  ExpectTimed(cases[4], false);
}

TEST_F(BenchLogMelTest, DoesNotTimeFloat16ThatIsNotRounded) {
  const auto cases = Run(Fault::kFloat16Only, Fault::kNone);
  ExpectTimed(cases[0], false);
  EXPECT_NE(cases[0].checked.text.find("rounded"), std::string::npos);
  ExpectTimed(cases[1], true);
}

TEST_F(BenchLogMelTest, TheMachinesOwnKindsAreRight) {
  const auto kinds = MakeBenchLogMels({});
  EXPECT_EQ(kinds.back().name, "fftw");
  EXPECT_EQ(kinds.size(), SupportedSimdTargets().size() + 1);
  auto cases = MakeLogMelCases(clips_, kinds);
  RunCases(
      1, [] { return false; }, cases);
  for (const BenchCase& bench_case : cases) ExpectTimed(bench_case, true);
}

}  // namespace
}  // namespace melmill
