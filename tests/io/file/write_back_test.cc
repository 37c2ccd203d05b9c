#include "io/file/write_back.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/support/temp_folder.h"

namespace {

using Range = std::pair<off64_t, off64_t>;
std::vector<Range> ranges;

}  // namespace

// The code under test calls this instead of the C library's.
extern "C" int sync_file_range(int, off64_t offset, off64_t num_bytes,
                               unsigned int flags) {
  EXPECT_EQ(flags, static_cast<unsigned int>(SYNC_FILE_RANGE_WRITE));
  ranges.emplace_back(offset, num_bytes);
  return 0;
}

namespace melmill {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

class WriteBackTest : public testing::Test {
 protected:
  WriteBackTest() { ranges.clear(); }

  TempFolder folder_;
  DurableFile file_ = std::move(DurableFile::Create(folder_.File("a"))).value();
};

TEST_F(WriteBackTest, StartsEachBlockOnceWhenItsLastByteIsThere) {
  WriteBack write_back(4096, 20 * kMiB);
  write_back.AddFinal(1 * kMiB, 3 * kMiB, &file_);
  write_back.AddFinal(6 * kMiB, 6 * kMiB, &file_);  // over a block's end
  EXPECT_TRUE(ranges.empty());
  write_back.AddFinal(0, 1 * kMiB, &file_);
  write_back.AddFinal(4 * kMiB, 2 * kMiB, &file_);
  EXPECT_EQ(ranges, (std::vector<Range>{{4096, 8 * kMiB}}));
  write_back.AddFinal(12 * kMiB, 8 * kMiB, &file_);  // two ends at once
  EXPECT_EQ(ranges, (std::vector<Range>{{4096, 8 * kMiB},
                                        {4096 + 8 * kMiB, 8 * kMiB},
                                        {4096 + 16 * kMiB, 4 * kMiB}}));
}

TEST_F(WriteBackTest, TakesRangesOfNoBytes) {
  WriteBack write_back(4096, 1000);
  write_back.AddFinal(1000, 0, &file_);
  write_back.AddFinal(0, 0, &file_);
  EXPECT_TRUE(ranges.empty());
  write_back.AddFinal(0, 1000, &file_);
  EXPECT_EQ(ranges, (std::vector<Range>{{4096, 1000}}));
}

}  // namespace
}  // namespace melmill
