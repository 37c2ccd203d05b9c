#include "pipeline/unreadable_files.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

const Error kIoError = {ErrorCode::kIoError, "cannot be read", EIO};

class UnreadableFilesTest : public testing::Test {
 protected:
  RecordTask Task(const std::string& name) {
    RecordTask task;
    task.path = folder_.File(name);
    return task;
  }

  TempFolder folder_;
  UnreadableFiles files_;
};

TEST_F(UnreadableFilesTest, SixteenInARowAreOneTooMany) {
  for (int i = 1; i < kMaxFailuresInARow; ++i) {
    EXPECT_TRUE(files_.AddFailure(Task("a"), kIoError).ok());
  }
  files_.AddRead(Task("b"));
  for (int i = 1; i < kMaxFailuresInARow; ++i) {
    EXPECT_TRUE(files_.AddFailure(Task("a"), kIoError).ok());
  }
  const Result<void> last = files_.AddFailure(Task("a"), kIoError);
  ASSERT_FALSE(last.ok());
  EXPECT_EQ(last.error().code, ErrorCode::kMachineFault);
}

TEST_F(UnreadableFilesTest, AnyNumberMayBeRejectedWhileTheWitnessCanBeRead) {
  WriteWholeFile(folder_.File("witness"), "RIFF");
  files_.AddRead(Task("witness"));
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(files_.CheckMayReject(Task("a"), kIoError).ok());
  }
}

TEST_F(UnreadableFilesTest, NoneMayBeRejectedOnceTheWitnessIsGone) {
  files_.AddRead(Task("witness"));
  const Result<void> checked = files_.CheckMayReject(Task("a"), kIoError);
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().code, ErrorCode::kMachineFault);
  EXPECT_EQ(checked.error().message,
            Task("a").path + ": cannot be read; nor can " +
                Task("witness").path +
                " be read any more: cannot be opened: No such file or "
                "directory");
}

TEST_F(UnreadableFilesTest, OneMayBeRejectedWithoutAWitness) {
  EXPECT_TRUE(files_.CheckMayReject(Task("a"), kIoError).ok());
  EXPECT_FALSE(files_.CheckMayReject(Task("b"), kIoError).ok());
}

}  // namespace
}  // namespace melmill
