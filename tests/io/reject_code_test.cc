#include "io/reject_code.h"

#include <gtest/gtest.h>

#include <cctype>
#include <map>
#include <string_view>

namespace melmill {
namespace {

TEST(RejectCodeTest, NamesAreTheSnakeCaseOfTheEnumerators) {
  EXPECT_EQ(RejectCodeName(RejectCode::kNone), "none");
  EXPECT_EQ(RejectCodeName(RejectCode::kLineTooLong), "line_too_long");
  EXPECT_EQ(RejectCodeName(RejectCode::kRawNul), "raw_nul");
  EXPECT_EQ(RejectCodeName(RejectCode::kInvalidUtf8), "invalid_utf8");
  EXPECT_EQ(RejectCodeName(RejectCode::kNotAnObject), "not_an_object");
  EXPECT_EQ(RejectCodeName(RejectCode::kTextTemplate), "text_template");
  EXPECT_EQ(RejectCodeName(RejectCode::kNotFound), "not_found");
  EXPECT_EQ(RejectCodeName(RejectCode::kSymlinkLoop), "symlink_loop");
  EXPECT_EQ(RejectCodeName(RejectCode::kLyingSize), "lying_size");
  EXPECT_EQ(RejectCodeName(RejectCode::kTooLong), "too_long");
  EXPECT_EQ(RejectCodeName(RejectCode::kSeveralFiles), "several_files");
  EXPECT_EQ(RejectCodeName(RejectCode::kChangedSincePlan),
            "changed_since_plan");
  EXPECT_EQ(RejectCodeName(RejectCode::kIoError), "io_error");
}

TEST(RejectCodeTest, EveryNameIsUsedOnceAndTheCountIsThatOfTheCodes) {
  std::map<std::string_view, int> uses;
  for (int number = 0; number < 256; ++number) {
    ++uses[RejectCodeName(static_cast<RejectCode>(number))];
  }
  EXPECT_EQ(uses.erase("unknown"), 1u);
  // These are "none", 16 codes of the line, 6 of opening, 17 of the header, and
  // 6 of decoding.
  EXPECT_EQ(uses.size(), 1u + 16 + 6 + 17 + 6);
  for (const auto& [name, count] : uses) {
    EXPECT_EQ(count, 1) << name;
    for (const char c : name) {
      EXPECT_TRUE(std::islower(c) || c == '_' || c == '8') << name;
    }
  }
}

TEST(RejectCodeTest, StagesGoByRange) {
  EXPECT_EQ(RejectStageName(RejectCode::kLineTooLong), "manifest");
  EXPECT_EQ(RejectStageName(RejectCode::kTextTemplate), "manifest");
  EXPECT_EQ(RejectStageName(RejectCode::kNotFound), "open");
  EXPECT_EQ(RejectStageName(RejectCode::kOpenFailed), "open");
  EXPECT_EQ(RejectStageName(RejectCode::kEmptyFile), "header");
  EXPECT_EQ(RejectStageName(RejectCode::kTooLong), "header");
  EXPECT_EQ(RejectStageName(RejectCode::kNotFinite), "decode");
  EXPECT_EQ(RejectStageName(RejectCode::kIoError), "decode");
}

}  // namespace
}  // namespace melmill
