#include "store/plan/plan_row.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace melmill {
namespace {

// A table of planned rows without content. It counts how often it is read.
class BlankRows : public TableReader {
 public:
  explicit BlankRows(uint64_t count) {
    columns_ = PlanColumns({});
    num_rows_ = count;
  }

  mutable int num_reads = 0;

 private:
  Result<void> ReadStream(size_t, uint64_t,
                          std::span<std::byte> bytes) const override {
    ++num_reads;
    std::fill(bytes.begin(), bytes.end(), std::byte{0});
    return {};
  }
  // Nobody asks for the bytes of text.
  uint64_t StreamBytes(size_t) const override { return 0; }
};

// Visits rows until one has the number `last`; returns the numbers.
std::vector<uint64_t> VisitUntil(const BlankRows& table, uint64_t last) {
  std::vector<uint64_t> numbers;
  const Result<void> visited = VisitPlanRows(
      table, 0, table.num_rows(),
      [&](uint64_t number, const PlanRow&) -> Result<Visiting> {
        numbers.push_back(number);
        return number == last ? Visiting::kEnough : Visiting::kGoOn;
      });
  EXPECT_TRUE(visited.ok());
  return numbers;
}

TEST(VisitPlanRowsTest, ReadsNoFurtherOnceItIsEnough) {
  const BlankRows small(4096);
  EXPECT_EQ(VisitUntil(small, 2), (std::vector<uint64_t>{0, 1, 2}));
  const BlankRows large(1'000'000);
  EXPECT_EQ(VisitUntil(large, 2), (std::vector<uint64_t>{0, 1, 2}));
  EXPECT_EQ(large.num_reads, small.num_reads);
  EXPECT_EQ(VisitUntil(large, 4096).size(), 4097u);
  EXPECT_EQ(large.num_reads, 3 * small.num_reads);  // two pieces more
}

}  // namespace
}  // namespace melmill
