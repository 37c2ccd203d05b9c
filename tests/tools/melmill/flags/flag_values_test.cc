#include "tools/melmill/flags/flag_values.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "pipeline/setup/setup_error.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

TEST(ParseSplitInputTest, NamesSplitsAfterTheFileOrAsTold) {
  EXPECT_EQ(ParseSplitInput("data/train.jsonl").name, "train");
  EXPECT_EQ(ParseSplitInput("train.v2/dev-1.json").name, "dev-1");
  const SplitInput named = ParseSplitInput("eval=data/x.y.jsonl");
  EXPECT_EQ(named.name, "eval");
  EXPECT_EQ(named.manifest, "data/x.y.jsonl");
  EXPECT_EQ(ParseSplitInput("lr=0.1/train.jsonl").name, "lr");
  EXPECT_EQ(ParseSplitInput("runs/lr=0.1/train.jsonl").name, "train");
}

TEST(ParseSplitInputTest, AFileThatIsThereIsNoName) {
  const TempFolder folder;
  const std::string old = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  std::filesystem::create_directory("lang=de");
  WriteWholeFile("lang=de/m.jsonl", "{}");
  const SplitInput split = ParseSplitInput("lang=de/m.jsonl");
  std::filesystem::current_path(old);
  EXPECT_EQ(split.name, "m");
  EXPECT_EQ(split.manifest, "lang=de/m.jsonl");
}

TEST(ParseSplitInputTest, RefusesOtherSuffixes) {
  EXPECT_THROW(ParseSplitInput("train.csv"), SetupError);
  EXPECT_THROW(ParseSplitInput("train"), SetupError);
}

TEST(ParseSplitInputTest, KeepsNamesAsTheyAre) {
  EXPECT_EQ(ParseSplitInput("data/train.v2.jsonl").name, "train.v2");
  EXPECT_EQ(ParseSplitInput("my data.jsonl").name, "my data");
  EXPECT_EQ(ParseSplitInput("a.b=train.jsonl").name, "a.b");
}

TEST(ParseSplitInputTest, StandardInputNeedsAName) {
  EXPECT_EQ(ParseSplitInput("train=-").name, "train");
  EXPECT_EQ(ParseSplitInput("train=-").manifest, kStandardInput);
  EXPECT_THROW(ParseSplitInput("-"), SetupError);
}

TEST(ParseSplitInputTest, APatternThatMatchesNothingIsSaidSo) {
  try {
    ParseSplitInput("no such folder/*.jsonl");
    ADD_FAILURE();
  } catch (const SetupError& error) {
    EXPECT_STREQ(
        error.what(),
        "no such folder/*.jsonl: no such file; if files match this pattern, "
        "write it without quotes");
  }
}

TEST(ParseByteSizeTest, ReadsBinaryAndDecimalUnits) {
  EXPECT_EQ(ParseByteSize("1B"), 1u);
  EXPECT_EQ(ParseByteSize("64KiB"), 65536u);
  EXPECT_EQ(ParseByteSize("256MiB"), 268435456u);
  EXPECT_EQ(ParseByteSize("1.5GiB"), 1610612736u);
  EXPECT_EQ(ParseByteSize("2GB"), 2000000000u);
  EXPECT_EQ(ParseByteSize("4G"), uint64_t{4} << 30);
  EXPECT_EQ(ParseByteSize("4g"), uint64_t{4} << 30);
  EXPECT_EQ(ParseByteSize("512mb"), 512000000u);
  EXPECT_EQ(ParseByteSize("1mib"), 1048576u);
  for (const char* bad : {"", "1", "MiB", "-1MiB", "1 MiB", "0B", "1x", "nanB",
                          "infGiB", "1e30TiB", "0x10B"}) {
    EXPECT_THROW(ParseByteSize(bad), SetupError) << bad;
  }
}

TEST(ParseFeatureTypeTest, TakesTheUsualSpellings) {
  for (const char* name : {"f16", "fp16", "float16", "half", "F16"}) {
    EXPECT_EQ(ParseFeatureType(name), FeatureType::kFloat16) << name;
  }
  for (const char* name : {"f32", "fp32", "float32", "float"}) {
    EXPECT_EQ(ParseFeatureType(name), FeatureType::kFloat32) << name;
  }
  for (const char* name : {"bf16", "bfloat16", "BFloat16"}) {
    EXPECT_EQ(ParseFeatureType(name), FeatureType::kBfloat16) << name;
  }
  for (const char* name : {"u8", "uint8", "U8"}) {
    EXPECT_EQ(ParseFeatureType(name), FeatureType::kUint8) << name;
  }
  EXPECT_THROW(ParseFeatureType("f64"), SetupError);
  EXPECT_THROW(ParseFeatureType(""), SetupError);
}

TEST(ParseResamplerTest, TakesTheTwoNames) {
  EXPECT_EQ(ParseResampler("soxr"), ResamplerKind::kSoxr);
  EXPECT_EQ(ParseResampler("spectral"), ResamplerKind::kSpectral);
  EXPECT_THROW(ParseResampler("linear"), SetupError);
}

TEST(MaxRejectsTest, CountsLinesOrPercent) {
  const MaxRejects lines = ParseMaxRejects("2");
  EXPECT_TRUE(lines.Allows(2, 3));
  EXPECT_FALSE(lines.Allows(3, 1000));
  const MaxRejects percent = ParseMaxRejects("1.5%");
  EXPECT_TRUE(percent.Allows(3, 200));
  EXPECT_FALSE(percent.Allows(4, 200));
  EXPECT_TRUE(ParseMaxRejects("0").Allows(0, 10));
  for (const char* bad : {"", "1.5", "-1", "101%", "1%%", "two", "nan%", "inf",
                          "inf%", "1e999"}) {
    EXPECT_THROW(ParseMaxRejects(bad), SetupError) << bad;
  }
}

// The shares are all tenths of a per cent, reached exactly and missed by one.
TEST(MaxRejectsTest, AShareThatIsReachedExactlyIsAllowed) {
  for (uint64_t tenths = 0; tenths <= 1000; ++tenths) {
    const MaxRejects share =
        ParseMaxRejects(fmt::format("{}.{}%", tenths / 10, tenths % 10));
    for (uint64_t num_lines = 1000; num_lines <= uint64_t{1000} << 20;
         num_lines *= 2) {
      const uint64_t limit = tenths * (num_lines / 1000);
      ASSERT_TRUE(share.Allows(limit, num_lines)) << tenths << ' ' << num_lines;
      ASSERT_FALSE(share.Allows(limit + 1, num_lines)) << tenths;
    }
  }
  EXPECT_TRUE(ParseMaxRejects("0.7%").Allows(7, 1000));
  EXPECT_FALSE(ParseMaxRejects("0.69%").Allows(7, 1000));
}

}  // namespace
}  // namespace melmill
