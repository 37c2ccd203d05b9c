#include "io/file/spooled_input.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(SpooledInputTest, CanBeReadAsOftenAsWanted) {
  const TempFolder folder;
  const std::string text(300000, 'x');
  WriteWholeFile(folder.path() + "/in", text + "end");
  const int fd = open((folder.path() + "/in").c_str(), O_RDONLY);
  const Result<std::string> path = SpoolInput(fd, folder.path());
  close(fd);
  ASSERT_TRUE(path.ok()) << path.error().message;
  EXPECT_EQ(ReadAll(path.value()), text + "end");
  EXPECT_EQ(ReadAll(path.value()), text + "end");
  std::filesystem::remove(folder.path() + "/in");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SpooledInputTest, FaultsSayWhatCouldNotBeDone) {
  const TempFolder folder;
  const Result<std::string> closed = SpoolInput(-1, folder.path());
  ASSERT_FALSE(closed.ok());
  EXPECT_TRUE(closed.error().message.starts_with("read standard input"));
  const Result<std::string> lost = SpoolInput(0, folder.path() + "/none");
  ASSERT_FALSE(lost.ok());
  EXPECT_NE(lost.error().message.find("/none: No such file"),
            std::string::npos);
}

}  // namespace
}  // namespace melmill
