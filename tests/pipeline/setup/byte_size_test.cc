#include "pipeline/setup/byte_size.h"

#include <gtest/gtest.h>

namespace melmill {
namespace {

TEST(FormatBytesTest, UsesDecimalUnits) {
  EXPECT_EQ(FormatBytes(0), "0.0 kB");
  EXPECT_EQ(FormatBytes(999'999), "1000.0 kB");
  EXPECT_EQ(FormatBytes(1'000'000), "1.0 MB");
  EXPECT_EQ(FormatBytes(45'600'000), "45.6 MB");
  EXPECT_EQ(FormatBytes(1'230'000'000), "1.23 GB");
  EXPECT_EQ(FormatBytes(1'500'000'000'000), "1.50 TB");
}

}  // namespace
}  // namespace melmill
