#include "io/file/file_lock.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "tests/support/temp_folder.h"

namespace {

// The errno that flock fails with; 0 if it works.
int flock_error = 0;
// The number of further failures; negative for no limit.
int num_failures = -1;

}  // namespace

// The code under test calls this instead of the C library's.
extern "C" int flock(int fd, int operation) noexcept {
  if (flock_error == 0 || num_failures == 0) {
    return static_cast<int>(syscall(SYS_flock, fd, operation));
  }
  if (num_failures > 0) --num_failures;
  errno = flock_error;
  return -1;
}

namespace melmill {
namespace {

class FailingFileLockTest : public testing::Test {
 protected:
  ~FailingFileLockTest() override {
    flock_error = 0;
    num_failures = -1;
  }
};

TEST(FileLockTest, OnlyOneHoldsItUntilItGoesAway) {
  const TempFolder folder;
  {
    auto first = FileLock::TryLock(folder.File("lock"));
    ASSERT_TRUE(first.ok() && first.value().has_value());
    EXPECT_TRUE(first.value()->is_held());
    const FileLock moved = *std::move(first.value());
    EXPECT_TRUE(moved.is_held());
    const auto second = FileLock::TryLock(folder.File("lock"));
    ASSERT_TRUE(second.ok());
    EXPECT_FALSE(second.value().has_value());
  }
  const auto third = FileLock::TryLock(folder.File("lock"));
  ASSERT_TRUE(third.ok());
  EXPECT_TRUE(third.value().has_value());
}

TEST(FileLockTest, SharedOnesExcludeOnlyExclusiveOnes) {
  const TempFolder folder;
  const auto is_free = [&folder](LockKind kind) {
    const auto lock = FileLock::TryLock(folder.File("lock"), kind);
    EXPECT_TRUE(lock.ok());
    return lock.ok() && lock.value().has_value();
  };
  {
    const auto shared =
        FileLock::TryLock(folder.File("lock"), LockKind::kShared);
    ASSERT_TRUE(shared.ok() && shared.value().has_value());
    EXPECT_TRUE(shared.value()->is_held());
    EXPECT_TRUE(is_free(LockKind::kShared));
    EXPECT_FALSE(is_free(LockKind::kExclusive));
  }
  const auto exclusive = FileLock::TryLock(folder.File("lock"));
  ASSERT_TRUE(exclusive.ok() && exclusive.value().has_value());
  EXPECT_FALSE(is_free(LockKind::kShared));
}

TEST(FileLockTest, DiesWithItsProcess) {
  const TempFolder folder;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto lock = FileLock::TryLock(folder.File("lock"));
    ::_exit(lock.ok() && lock.value().has_value() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  const auto lock = FileLock::TryLock(folder.File("lock"));
  ASSERT_TRUE(lock.ok());
  EXPECT_TRUE(lock.value().has_value());
}

TEST(FileLockTest, AMissingFolderIsAFault) {
  const TempFolder folder;
  const auto lock = FileLock::TryLock(folder.File("none/lock"));
  ASSERT_FALSE(lock.ok());
  EXPECT_EQ(lock.error().code, ErrorCode::kMachineFault);
  EXPECT_EQ(lock.error().detail, ENOENT);
  EXPECT_NE(lock.error().message.find(folder.File("none/lock")),
            std::string::npos);
}

TEST_F(FailingFileLockTest, AFailureIsAFault) {
  const TempFolder folder;
  for (const int error_number : {EIO, EINVAL, ENOMEM}) {
    flock_error = error_number;
    const auto lock = FileLock::TryLock(folder.File("lock"));
    ASSERT_FALSE(lock.ok());
    EXPECT_EQ(lock.error().code, ErrorCode::kMachineFault);
    EXPECT_EQ(lock.error().detail, error_number);
    EXPECT_NE(lock.error().message.find("lock " + folder.File("lock")),
              std::string::npos);
  }
}

TEST_F(FailingFileLockTest, AFileSystemWithoutLocksServes) {
  const TempFolder folder;
  for (const int error_number : {ENOLCK, EOPNOTSUPP, ENOSYS}) {
    flock_error = error_number;
    for (const LockKind kind : {LockKind::kExclusive, LockKind::kShared}) {
      const auto lock = FileLock::TryLock(folder.File("lock"), kind);
      ASSERT_TRUE(lock.ok() && lock.value().has_value());
      EXPECT_FALSE(lock.value()->is_held());
    }
  }
}

TEST_F(FailingFileLockTest, AnInterruptedCallIsRepeated) {
  const TempFolder folder;
  flock_error = EINTR;
  num_failures = 2;
  const auto lock = FileLock::TryLock(folder.File("lock"));
  ASSERT_TRUE(lock.ok() && lock.value().has_value());
  EXPECT_TRUE(lock.value()->is_held());
  EXPECT_EQ(num_failures, 0);
}

}  // namespace
}  // namespace melmill
