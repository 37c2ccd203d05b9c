#include "io/file/temporary_name.h"

#include <gtest/gtest.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>

namespace {

// The number that is drawn instead; 0 if drawing fails.
std::optional<uint64_t> drawn;

}  // namespace

// The code under test calls this instead of the C library's.
extern "C" ssize_t getrandom(void* bytes, size_t num_bytes, unsigned flags) {
  if (!drawn) return syscall(SYS_getrandom, bytes, num_bytes, flags);
  if (*drawn == 0) {
    errno = ENOSYS;
    return -1;
  }
  std::memcpy(bytes, &*drawn, sizeof(*drawn));
  return sizeof(*drawn);
}

namespace melmill {
namespace {

// Forks a process and returns the tag that it draws.
std::string TagOfAnotherProcess() {
  std::array<int, 2> ends = {};
  if (::pipe(ends.data()) != 0) return "";
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string& tag = ProcessTag();
    const bool ok = ::write(ends[1], tag.data(), tag.size()) == 16;
    ::_exit(ok ? 0 : 1);
  }
  std::string tag(17, ' ');
  const ssize_t num_bytes = ::read(ends[0], tag.data(), tag.size());
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  tag.resize(num_bytes < 0 ? 0 : static_cast<size_t>(num_bytes));
  return tag;
}

TEST(TemporaryNameTest, EveryProcessHasItsOwn) {
  const std::string other = TagOfAnotherProcess();
  EXPECT_EQ(other.size(), 16u);
  EXPECT_EQ(ProcessTag().size(), 16u);
  EXPECT_EQ(ProcessTag().find_first_not_of("0123456789abcdef"),
            std::string::npos);
  EXPECT_NE(ProcessTag(), other);
  EXPECT_EQ(TemporaryName("b/a.h5"), "b/a.h5." + ProcessTag() + ".tmp");
}

// Otherwise one process in sixteen would leave files that are never removed.
TEST(TemporaryNameTest, TheTagOfASmallNumberIsAsLong) {
  drawn = 0xabc;
  EXPECT_EQ(ProcessTag(), "0000000000000abc");
  EXPECT_EQ(FinalNameOf(TemporaryName("a")), "a");
}

TEST(TemporaryNameTest, NoNumberIsNoTag) {
  drawn = 0;
  EXPECT_THROW((void)ProcessTag(), std::system_error);
}

TEST(TemporaryNameTest, TellsWhatTheFileWasToBeCalled) {
  EXPECT_EQ(FinalNameOf(TemporaryName("b/a.h5")), "b/a.h5");
  EXPECT_EQ(FinalNameOf("a.0123456789abcdef.tmp"), "a");
  for (const char* name :
       {"", "a", "a.tmp", ".tmp", ".0123456789abcdef.tmp",
        "a.0123456789abcde.tmp", "a.0123456789abcdefa.tmp",
        "a.0123456789abcdeF.tmp", "a0123456789abcdef.tmp",
        "a.0123456789abcdef.tmp2", "0123456789abcdef.tmp",
        "a.0123456789abcdeg.tmp", "a.0123456789abcdef.bak"}) {
    EXPECT_EQ(FinalNameOf(name), "") << name;
  }
}

}  // namespace
}  // namespace melmill
