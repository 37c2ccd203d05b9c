#include "tools/melmill/report/quantities.h"

#include <gtest/gtest.h>

namespace melmill {
namespace {

TEST(QuantitiesTest, CountsHaveCommas) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(1'002'003), "1,002,003");
}

TEST(QuantitiesTest, OneIsSingular) {
  EXPECT_EQ(Counted(0, "line"), "0 lines");
  EXPECT_EQ(Counted(1, "line"), "1 line");
  EXPECT_EQ(Counted(2, "line"), "2 lines");
  EXPECT_EQ(Counted(1, "entry", "entries"), "1 entry");
  EXPECT_EQ(Counted(1000, "entry", "entries"), "1,000 entries");
}

TEST(QuantitiesTest, DurationsHaveTheUnitThatSuitsThem) {
  EXPECT_EQ(FormatDuration(0), "0.0 s");
  EXPECT_EQ(FormatDuration(59.9), "59.9 s");
  EXPECT_EQ(FormatDuration(59.96), "1.0 min");
  EXPECT_EQ(FormatDuration(359), "6.0 min");
  EXPECT_EQ(FormatDuration(360), "0.10 h");
  EXPECT_EQ(FormatDuration(7200), "2.00 h");
}

TEST(QuantitiesTest, ASmallShareIsNotZero) {
  EXPECT_EQ(FormatShare(0, 10), "0 %");
  EXPECT_EQ(FormatShare(1, 1'000'000), "under 0.1 %");
  EXPECT_EQ(FormatShare(1, 1000), "0.1 %");
  EXPECT_EQ(FormatShare(1, 3), "33 %");
  EXPECT_EQ(FormatShare(0, 0), "0 %");
}

}  // namespace
}  // namespace melmill
