#include "dsp/log_mel/mel_filter_bank.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>

#include "tests/dsp/goldens/mel_filter_banks.h"

namespace melmill {
namespace {

// This is far below 1e-7, yet above the change that one unit in the last place
// of exp or log makes in a weight next to an edge. C libraries differ by that.
constexpr double kRelativeTolerance = 1e-9;

void ExpectEqual(const MelFilter& actual, const MelFilter& expected,
                 const std::string& what) {
  EXPECT_EQ(actual.first_bin, expected.first_bin) << what;
  ASSERT_EQ(actual.weights.size(), expected.weights.size()) << what;
  for (size_t i = 0; i < expected.weights.size(); ++i) {
    EXPECT_NEAR(actual.weights[i], expected.weights[i],
                kRelativeTolerance * expected.weights[i])
        << what << ", weight " << i;
  }
}

// Compares with a whole bank of librosa, from goldens/make_mel_filter_banks.py.
void ExpectBank(const GoldenBank& golden) {
  const auto bank = MakeMelFilterBank(golden.options);
  ASSERT_EQ(bank.size(), static_cast<size_t>(golden.options.n_mels));
  ASSERT_EQ(bank.size(), golden.filters.size());
  for (size_t i = 0; i < bank.size(); ++i) {
    ExpectEqual(bank[i], golden.filters[i], "filter " + std::to_string(i));
  }
}

TEST(MakeMelFilterBank, EqualsLibrosaForQwen3Asr) { ExpectBank(kQwen3Asr); }

TEST(MakeMelFilterBank, EqualsLibrosaForWhisper) { ExpectBank(kWhisper); }

TEST(MakeMelFilterBank, EqualsLibrosaForHtkWithoutNorm) {
  ExpectBank(kHtkWithoutNorm);
}

TEST(MakeMelFilterBank, EqualsLibrosaForHtkWithNorm) {
  ExpectBank(kHtkWithNorm);
}

TEST(MakeMelFilterBank, EqualsLibrosaForOddSizesAndOtherRates) {
  ExpectBank(kOddSizeAtOtherRate);
}

TEST(MakeMelFilterBank, WeightsArePositiveAndWithinTheSpectrum) {
  for (const int n_mels : {1, 40, 80, 128, 300}) {
    const MelFilterBankOptions options{.n_mels = n_mels};
    for (const MelFilter& filter : MakeMelFilterBank(options)) {
      EXPECT_GE(filter.first_bin, 0);
      EXPECT_LE(filter.first_bin + static_cast<int>(filter.weights.size()),
                options.n_fft / 2 + 1);
      for (const double weight : filter.weights) EXPECT_GT(weight, 0.0);
    }
  }
}

TEST(MakeMelFilterBank, GivesNoWeightsToAFilterBetweenTwoBins) {
  const auto bank = MakeMelFilterBank({.n_mels = 300});
  EXPECT_TRUE(bank[0].weights.empty());
}

void ExpectRefused(const std::string& field,
                   const std::function<void(MelFilterBankOptions*)>& spoil) {
  MelFilterBankOptions options;
  spoil(&options);
  try {
    (void)MakeMelFilterBank(options);
    ADD_FAILURE() << field << " was not refused";
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(std::string(error.what()).find("MelFilterBankOptions: " + field),
              0u)
        << error.what();
  }
}

TEST(MakeMelFilterBank, RefusesOptionsOutOfRangeByName) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr int kHuge = std::numeric_limits<int>::max();
  ExpectRefused("sample_rate_hz", [](auto* o) { o->sample_rate_hz = 0; });
  ExpectRefused("n_fft", [](auto* o) { o->n_fft = 1; });
  ExpectRefused("n_fft", [](auto* o) { o->n_fft = kHuge; });
  ExpectRefused("n_mels", [](auto* o) { o->n_mels = 0; });
  ExpectRefused("n_mels", [](auto* o) { o->n_mels = kHuge; });
  ExpectRefused("f_min_hz", [](auto* o) { o->f_min_hz = -1; });
  ExpectRefused("f_min_hz", [](auto* o) { o->f_min_hz = kNan; });
  ExpectRefused("f_max_hz", [](auto* o) { o->f_max_hz = 0; });
  ExpectRefused("f_max_hz", [](auto* o) { o->f_max_hz = 8000.5; });
  ExpectRefused("f_max_hz", [](auto* o) { o->f_max_hz = kNan; });
}

TEST(MelNames, AreWhatContractsCarry) {
  EXPECT_EQ(MelScaleName(MelScale::kSlaney), "slaney");
  EXPECT_EQ(MelScaleName(MelScale::kHtk), "htk");
  EXPECT_EQ(MelNormName(MelNorm::kSlaney), "slaney");
  EXPECT_EQ(MelNormName(MelNorm::kNone), "none");
}

}  // namespace
}  // namespace melmill
