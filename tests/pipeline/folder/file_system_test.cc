#include "pipeline/folder/file_system.h"

#include <gtest/gtest.h>
#include <sys/vfs.h>

#include <cstring>

namespace {

// The file system of "/nfs" and so on, by its number. Other paths have ext4's.
struct NamedType {
  const char* path;
  long number;
};
constexpr NamedType kTypes[] = {
    {"/nfs", 0x6969}, {"/lustre", 0x0BD00BD0}, {"/fuse", 0x65735546}};

}  // namespace

// This program's statfs, in place of the C library's.
extern "C" int statfs(const char* path, struct statfs* status) noexcept {
  if (std::strcmp(path, "/none") == 0) return -1;
  *status = {};
  status->f_type = 0xEF53;
  for (const NamedType& type : kTypes) {
    if (std::strcmp(path, type.path) == 0) status->f_type = type.number;
  }
  return 0;
}

namespace melmill {
namespace {

TEST(FileSystemTest, KnowsThoseOfNetworks) {
  EXPECT_TRUE(IsOnNetwork("/nfs"));
  EXPECT_TRUE(IsOnNetwork("/lustre"));
  EXPECT_TRUE(IsOnNetwork("/fuse"));
  EXPECT_FALSE(IsOnNetwork("/home"));
  EXPECT_FALSE(IsOnNetwork("/none"));
}

}  // namespace
}  // namespace melmill
