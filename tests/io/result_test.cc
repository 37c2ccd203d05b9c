#include "io/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>

namespace melmill {
namespace {

TEST(ErrorCodeTest, KnowsWhatRejectsARecord) {
  const ErrorCode code = RejectCode::kPoison;
  ASSERT_TRUE(code.is_reject());
  EXPECT_EQ(code.reject(), RejectCode::kPoison);
  EXPECT_EQ(code, RejectCode::kPoison);
  EXPECT_NE(code, RejectCode::kIoError);
  for (const ErrorCode general :
       {ErrorCode::kNone, ErrorCode::kOtherFormat, ErrorCode::kDamaged,
        ErrorCode::kStopped, ErrorCode::kMachineFault}) {
    EXPECT_FALSE(general.is_reject());
  }
  EXPECT_EQ(ErrorCode(), ErrorCode::kNone);
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

  const Result<int> error = Error{RejectCode::kBadJson, "no", 3};
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.error().code, RejectCode::kBadJson);
  EXPECT_EQ(error.error().detail, 3);
}

TEST(ResultTest, MovesItsValueOut) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  const std::unique_ptr<int> owned = std::move(result).value();
  EXPECT_EQ(*owned, 5);
}

TEST(ResultTest, OfVoidIsOkUntilItHoldsAnError) {
  EXPECT_TRUE(Result<void>().ok());
  const Result<void> error = Error{RejectCode::kIoError, "no"};
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.error().message, "no");
}

}  // namespace
}  // namespace melmill
