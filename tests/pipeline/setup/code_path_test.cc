#include "pipeline/setup/code_path.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "pipeline/setup/setup_error.h"
#include "tests/support/highway_targets.h"

namespace melmill {
namespace {

TEST(ResamplerKindTest, NamesAreFoundAgain) {
  for (const ResamplerKind kind : kResamplerKinds) {
    EXPECT_EQ(FindResamplerKind(ResamplerKindName(kind)), kind);
  }
  EXPECT_EQ(FindResamplerKind(""), std::nullopt);
  EXPECT_EQ(FindResamplerKind("sox"), std::nullopt);
}

TEST(ChooseCodePathTest, TakesTheBestOrTheGivenTargetOrNone) {
  CodeChoice code;
  const SimdTarget best = SupportedSimdTargets().front();
  EXPECT_EQ(ChooseCodePath(code), (CodePath{best, best}));
  for (const SimdTarget target : SupportedSimdTargets()) {
    code.simd = SimdTargetName(target);
    EXPECT_EQ(ChooseCodePath(code), (CodePath{target, target}));
  }
  code.simd = "none";
  EXPECT_EQ(ChooseCodePath(code), CodePath());
  code.simd = "mmx";
  EXPECT_THROW(ChooseCodePath(code), SetupError);
}

TEST(ChooseCodePathTest, TakesTheGivenResampler) {
  CodeChoice code;
  const SimdTarget best = SupportedSimdTargets().front();
  code.resampler = ResamplerKind::kSoxr;
  EXPECT_EQ(ChooseCodePath(code), (CodePath{best, std::nullopt}));
  code.simd = "none";
  EXPECT_EQ(ChooseCodePath(code), CodePath());
  code.simd = "auto";
  code.resampler = ResamplerKind::kSpectral;
  EXPECT_EQ(ChooseCodePath(code), (CodePath{best, best}));
}

std::string Refusal(const CodeChoice& code) {
  try {
    ChooseCodePath(code);
  } catch (const SetupError& error) {
    return error.what();
  }
  return "";
}

TEST(ChooseCodePathTest, RefusesSpectralWithoutSimdCode) {
  CodeChoice code;
  code.resampler = ResamplerKind::kSpectral;
  code.simd = "none";
  EXPECT_NE(Refusal(code).find("--simd none turns off"), std::string::npos);
  code.simd = "auto";
  hwy::SetSupportedTargetsForTest(HWY_EMU128);  // a machine without SIMD code
  const std::string refusal = Refusal(code);
  code.resampler.reset();
  const CodePath by_default = ChooseCodePath(code);
  hwy::SetSupportedTargetsForTest(0);
  EXPECT_NE(refusal.find("this machine has no SIMD code"), std::string::npos);
  EXPECT_EQ(by_default, CodePath());
}

TEST(ProducerJsonTest, TellsPathsOfOtherBitsApartAndNoOthers) {
  const auto producer_of = [](SimdTarget target) {
    return ProducerJson({target, target});
  };
  const std::string avx2 = producer_of(SimdTarget::kAvx2);
  EXPECT_EQ(producer_of(SimdTarget::kAvx512), avx2);
  EXPECT_EQ(producer_of(SimdTarget::kNeon), avx2);
  EXPECT_NE(producer_of(SimdTarget::kSse4), avx2);
  const std::string soxr = ProducerJson({SimdTarget::kAvx2, std::nullopt});
  EXPECT_NE(soxr, avx2);
  EXPECT_NE(ProducerJson({}), soxr);
  EXPECT_EQ(soxr.find("spectral"), std::string::npos);
  EXPECT_NE(avx2.find("\"resampler\":\"spectral "), std::string::npos);
}

// What FindCodeChoice changes in `wanted` to give the same producer as `made`.
std::string Changes(const CodeChoice& made, const CodeChoice& wanted) {
  const std::string producer = ProducerJson(ChooseCodePath(made));
  const std::optional<CodeChoice> found = FindCodeChoice(producer, wanted);
  if (!found) return "nothing makes it";
  EXPECT_EQ(ProducerJson(ChooseCodePath(*found)), producer);
  std::string changes;
  if (found->simd != wanted.simd) changes += found->simd + ' ';
  if (found->resampler != wanted.resampler) {
    changes += found->resampler ? ResamplerKindName(*found->resampler) : "open";
  }
  return changes;
}

TEST(FindCodeChoiceTest, ChangesWhatMakesTheDifferenceAndNoMore) {
  const CodeChoice plain;
  const CodeChoice soxr = {.resampler = ResamplerKind::kSoxr};
  const CodeChoice spectral = {.resampler = ResamplerKind::kSpectral};
  const CodeChoice none = {.simd = "none"};
  EXPECT_EQ(Changes(plain, plain), "");
  EXPECT_EQ(Changes(plain, spectral), "");
  EXPECT_EQ(Changes(plain, soxr), "spectral");
  EXPECT_EQ(Changes(soxr, spectral), "soxr");
  EXPECT_EQ(Changes(soxr, plain), "soxr");
  EXPECT_EQ(Changes(spectral, plain), "");
  EXPECT_EQ(Changes(none, plain), "none ");
  EXPECT_EQ(Changes(plain, none), "auto ");
  EXPECT_EQ(Changes(spectral, none), "auto ");
  EXPECT_EQ(Changes(soxr, none), "auto soxr");
  EXPECT_EQ(Changes(none, spectral), "none soxr");
  const std::string best(SimdTargetName(SupportedSimdTargets().front()));
  const CodeChoice named = {.simd = best};
  EXPECT_EQ(Changes(soxr, named), "soxr");
  EXPECT_EQ(Changes(none, named), "none ");
}

TEST(FindCodeChoiceTest, FindsNothingForAnotherProgram) {
  EXPECT_EQ(FindCodeChoice("{\"program\":\"melmill\"}", {.simd = "none"}),
            std::nullopt);
}

}  // namespace
}  // namespace melmill
