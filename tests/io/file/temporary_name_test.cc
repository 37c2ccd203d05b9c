#include "io/file/temporary_name.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

namespace melmill {
namespace {

// The tag that a process draws which is forked now.
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

TEST(TemporaryNameTest, TellsWhatTheFileWasToBeCalled) {
  EXPECT_EQ(FinalNameOf(TemporaryName("b/a.h5")), "b/a.h5");
  EXPECT_EQ(FinalNameOf("a.0123456789abcdef.tmp"), "a");
  for (const char* name : {"", "a", "a.tmp", ".tmp", ".0123456789abcdef.tmp",
                           "a.0123456789abcde.tmp", "a.0123456789abcdefa.tmp",
                           "a.0123456789abcdeF.tmp", "a0123456789abcdef.tmp",
                           "a.0123456789abcdef.tmp2", "0123456789abcdef.tmp"}) {
    EXPECT_EQ(FinalNameOf(name), "") << name;
  }
}

}  // namespace
}  // namespace melmill
