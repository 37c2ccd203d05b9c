#include "store/damage.h"

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

const FileEntry kEntry = {.file = "a", .num_bytes = 3, .checksum = 7};

std::string DamageOf(const Result<FileDigest>& digest) {
  const Result<std::optional<Damage>> damage = CompareDigest(kEntry, digest);
  if (!damage.ok()) return "cannot be read";
  return damage.value() ? damage.value()->what : "";
}

TEST(DamageTest, AFileIsWholeWithItsSizeAndChecksumOnly) {
  EXPECT_EQ(DamageOf(FileDigest{3, 7}), "");
  EXPECT_NE(DamageOf(FileDigest{4, 7}), "");
  EXPECT_NE(DamageOf(FileDigest{3, 8}), "");
  EXPECT_NE(DamageOf(FileDigest{4, 7}), DamageOf(FileDigest{3, 8}));
}

TEST(DamageTest, AMissingFileIsDamagedAndAnUnreadableOneIsNot) {
  EXPECT_NE(DamageOf(Error{RejectCode::kNotFound, "is missing"}),
            "cannot be read");
  EXPECT_EQ(DamageOf(Error{ErrorCode::kMachineFault, "Input/output error"}),
            "cannot be read");
}

TEST(DamageTest, TheSizeAloneIsComparedUnlessAllIsRead) {
  const TempFolder folder;
  WriteWholeFile(folder.File("a"), "abc");
  const auto quick = CheckFile(folder.path(), kEntry, /*read_all=*/false);
  ASSERT_TRUE(quick.ok());
  EXPECT_FALSE(quick.value().has_value());
  const auto thorough = CheckFile(folder.path(), kEntry, /*read_all=*/true);
  ASSERT_TRUE(thorough.ok());
  EXPECT_TRUE(thorough.value().has_value());
  WriteWholeFile(folder.File("a"), "abcd");
  EXPECT_TRUE(CheckFile(folder.path(), kEntry, false).value().has_value());
}

}  // namespace
}  // namespace melmill
