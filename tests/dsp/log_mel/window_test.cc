#include "dsp/log_mel/window.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace melmill {
namespace {

constexpr double kTolerance = 1e-15;

void ExpectWindow(WindowType type, const std::vector<double>& expected) {
  const auto actual = MakeWindow(type, static_cast<int>(expected.size()));
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], kTolerance)
        << WindowName(type) << " at " << i;
  }
}

// scipy 1.x: get_window(name, size, fftbins=True), printed with repr.
TEST(MakeWindow, EqualsScipyForEvenSizes) {
  ExpectWindow(WindowType::kHann,
               {0.0, 0.14644660940672627, 0.5, 0.8535533905932737, 1.0,
                0.8535533905932737, 0.5, 0.14644660940672627});
  ExpectWindow(
      WindowType::kHamming,
      {0.08000000000000007, 0.21473088065418822, 0.54, 0.865269119345812, 1.0,
       0.865269119345812, 0.54, 0.21473088065418822});
  ExpectWindow(
      WindowType::kBlackman,
      {-1.3877787807814457e-17, 0.06644660940672624, 0.34, 0.7735533905932738,
       0.9999999999999999, 0.7735533905932738, 0.34, 0.06644660940672624});
}

TEST(MakeWindow, EqualsScipyForOddSizes) {
  ExpectWindow(WindowType::kHann, {0.0, 0.34549150281252633, 0.9045084971874737,
                                   0.9045084971874737, 0.34549150281252633});
  ExpectWindow(WindowType::kHamming,
               {0.08000000000000007, 0.3978521825875243, 0.9121478174124759,
                0.9121478174124759, 0.3978521825875243});
  ExpectWindow(WindowType::kBlackman,
               {-1.3877787807814457e-17, 0.2007701432625305, 0.8492298567374694,
                0.8492298567374694, 0.2007701432625305});
}

TEST(MakeWindow, RectangularIsOneEverywhere) {
  EXPECT_EQ(MakeWindow(WindowType::kRectangular, 3),
            (std::vector<double>{1, 1, 1}));
}

TEST(MakeWindow, StaysWithinZeroAndOne) {
  for (const auto type : {WindowType::kHann, WindowType::kHamming,
                          WindowType::kBlackman, WindowType::kRectangular}) {
    for (const int size : {2, 3, 400, 401, 512}) {
      for (const double value : MakeWindow(type, size)) {
        EXPECT_GE(value, 0.0) << WindowName(type) << " of " << size;
        EXPECT_LE(value, 1.0) << WindowName(type) << " of " << size;
      }
    }
  }
}

TEST(MakeWindow, OfOneSampleIsOne) {
  EXPECT_EQ(MakeWindow(WindowType::kHann, 1), std::vector<double>{1.0});
  EXPECT_EQ(MakeWindow(WindowType::kBlackman, 1), std::vector<double>{1.0});
}

TEST(MakeWindow, ThrowsForASizeThatIsNotPositive) {
  EXPECT_THROW(MakeWindow(WindowType::kHann, 0), std::invalid_argument);
  EXPECT_THROW(MakeWindow(WindowType::kHann, -400), std::invalid_argument);
}

TEST(WindowName, IsWhatContractsCarry) {
  EXPECT_EQ(WindowName(WindowType::kHann), "hann");
  EXPECT_EQ(WindowName(WindowType::kHamming), "hamming");
  EXPECT_EQ(WindowName(WindowType::kBlackman), "blackman");
  EXPECT_EQ(WindowName(WindowType::kRectangular), "rectangular");
}

}  // namespace
}  // namespace melmill
