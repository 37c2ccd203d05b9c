#include "pipeline/folder/other_maker.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "pipeline/folder/doubts_file.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

const Machine kHere = {.host = "here", .boot_id = "1"};
const Error kOtherBytes = {ErrorCode::kMachineFault, "a.h5: other bytes",
                           EEXIST};

std::string MessageWith(const std::vector<std::string>& workers) {
  const TempFolder folder;
  for (const std::string& host : workers) {
    EXPECT_TRUE(WriteWorker(folder.path(), {.host = host, .boot_id = ""}).ok());
  }
  const Error named = NameMakers(kOtherBytes, folder.path(), kHere);
  EXPECT_EQ(named.code, kOtherBytes.code);
  EXPECT_EQ(named.detail, kOtherBytes.detail);
  return named.message;
}

TEST(OtherMakerTest, NamesThisMachineAndTheOthersThatWorked) {
  const std::string start = "a.h5: other bytes; this machine is here, the ";
  EXPECT_TRUE(MessageWith({"b"}).starts_with(start + "other b: one of"));
  EXPECT_TRUE(MessageWith({"b", "here"}).starts_with(start + "other b: "));
  EXPECT_TRUE(MessageWith({"c", "b"}).starts_with(start + "other b or c: "));
  EXPECT_TRUE(MessageWith({"d", "c", "b"})
                  .starts_with(start + "other one of b, c, d: "));
  EXPECT_TRUE(MessageWith({"b", "c", "d", "e", "f"})
                  .starts_with(start + "other one of b, c, d and 2 more:"));
}

TEST(OtherMakerTest, SaysIfNoOtherMachineIsKnown) {
  const std::string start =
      "a.h5: other bytes; this machine (here) is the only";
  EXPECT_TRUE(MessageWith({}).starts_with(start));
  EXPECT_TRUE(MessageWith({"here"}).starts_with(start));
}

TEST(OtherMakerTest, LeavesOtherErrorsAsTheyAre) {
  const TempFolder folder;
  const Error full = {ErrorCode::kMachineFault, "disk full", ENOSPC};
  EXPECT_EQ(NameMakers(full, folder.path(), kHere).message, "disk full");
}

}  // namespace
}  // namespace melmill
