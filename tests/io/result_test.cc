#include "io/result.h"

#include <gtest/gtest.h>

#include <cctype>
#include <cerrno>
#include <map>
#include <memory>
#include <string>

namespace melmill {
namespace {

TEST(ResultTest, NamesAreTheSnakeCaseOfTheEnumerators) {
  EXPECT_EQ(ErrorCodeName(ErrorCode::kNone), "none");
  EXPECT_EQ(ErrorCodeName(ErrorCode::kLineTooLong), "line_too_long");
  EXPECT_EQ(ErrorCodeName(ErrorCode::kRawNul), "raw_nul");
  EXPECT_EQ(ErrorCodeName(ErrorCode::kInvalidUtf8), "invalid_utf8");
  EXPECT_EQ(ErrorCodeName(ErrorCode::kNotAnObject), "not_an_object");
  EXPECT_EQ(ErrorCodeName(ErrorCode::kTextTemplate), "text_template");
  EXPECT_EQ(ErrorCodeName(ErrorCode::kNotFound), "not_found");
  EXPECT_EQ(ErrorCodeName(ErrorCode::kSymlinkLoop), "symlink_loop");
  EXPECT_EQ(ErrorCodeName(ErrorCode::kLyingSize), "lying_size");
  EXPECT_EQ(ErrorCodeName(ErrorCode::kTooLong), "too_long");
  EXPECT_EQ(ErrorCodeName(ErrorCode::kSeveralFiles), "several_files");
  EXPECT_EQ(ErrorCodeName(ErrorCode::kChangedSincePlan), "changed_since_plan");
  EXPECT_EQ(ErrorCodeName(ErrorCode::kIoError), "io_error");
  EXPECT_EQ(ErrorCodeName(ErrorCode::kMachineFault), "machine_fault");
}

TEST(ResultTest, EveryNameIsUsedOnceAndTheCountIsThatOfTheCodes) {
  std::map<std::string_view, int> uses;
  for (int number = 0; number < 256; ++number) {
    ++uses[ErrorCodeName(static_cast<ErrorCode>(number))];
  }
  EXPECT_EQ(uses.erase("unknown"), 1u);
  // none, 14 of the line, 6 of opening, 12 of the header, 5 of decoding, and
  // two that are not about a record.
  EXPECT_EQ(uses.size(), 1u + 14 + 6 + 12 + 5 + 2);
  for (const auto& [name, count] : uses) {
    EXPECT_EQ(count, 1) << name;
    for (const char c : name) {
      EXPECT_TRUE(std::islower(c) || c == '_' || c == '8') << name;
    }
  }
}

TEST(ResultTest, StagesGoByRange) {
  EXPECT_EQ(ErrorStageName(ErrorCode::kLineTooLong), "manifest");
  EXPECT_EQ(ErrorStageName(ErrorCode::kTextTemplate), "manifest");
  EXPECT_EQ(ErrorStageName(ErrorCode::kNotFound), "open");
  EXPECT_EQ(ErrorStageName(ErrorCode::kOpenFailed), "open");
  EXPECT_EQ(ErrorStageName(ErrorCode::kEmptyFile), "header");
  EXPECT_EQ(ErrorStageName(ErrorCode::kTooLong), "header");
  EXPECT_EQ(ErrorStageName(ErrorCode::kNotFinite), "decode");
  EXPECT_EQ(ErrorStageName(ErrorCode::kIoError), "decode");
  EXPECT_EQ(ErrorStageName(ErrorCode::kMachineFault), "machine");
}

TEST(ResultTest, MachineFaultTellsWhatFailedAndWhy) {
  const Error error = MachineFault("cannot write plan.h5", ENOSPC);
  EXPECT_EQ(error.code, ErrorCode::kMachineFault);
  EXPECT_EQ(error.message, "cannot write plan.h5: No space left on device");
  EXPECT_EQ(error.detail, ENOSPC);
}

TEST(ResultTest, HoldsAValueOrAnError) {
  const Result<int> value = 7;
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value.value(), 7);

  const Result<int> error = Error{ErrorCode::kBadJson, "no", 3};
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.error().code, ErrorCode::kBadJson);
  EXPECT_EQ(error.error().detail, 3);
}

TEST(ResultTest, MovesItsValueOut) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  const std::unique_ptr<int> owned = std::move(result).value();
  EXPECT_EQ(*owned, 5);
}

TEST(ResultTest, OfVoidIsOkUntilItHoldsAnError) {
  EXPECT_TRUE(Result<void>().ok());
  const Result<void> error = Error{ErrorCode::kIoError, "no"};
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.error().message, "no");
}

}  // namespace
}  // namespace melmill
