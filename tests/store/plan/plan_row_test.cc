#include "store/plan/plan_row.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "io/hash.h"

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

// The digest that names shards and fingerprints of rows.
std::string SourceHash(const PlanRow& row) {
  Hasher128 hasher;
  HashRowSource(row, &hasher);
  return ToHex(hasher.Digest());
}

TEST(HashRowSourceTest, ARowOfAWholeFileHasTheHashItAlwaysHad) {
  PlanRow row;
  row.audio = "clips/a.wav";
  row.source.file_bytes = 32044;
  row.source.header.sample_rate_hz = 16000;
  row.source.header.num_channels = 1;
  row.source.header.data_offset = 44;
  row.source.header.data_bytes = 32000;
  row.source.header.num_samples = 16000;
  row.source.num_samples = 16000;
  row.source.num_frames = 100;
  Hasher128 expected;
  expected.UpdateSized(row.audio);
  expected.UpdateU64s({32044, 2, 0, 16000, 1, 44, 32000, 16000});
  EXPECT_EQ(SourceHash(row), ToHex(expected.Digest()));
}

TEST(HashRowSourceTest, CopiesInOtherFoldersHaveOne) {
  PlanRow row;
  row.audio = "s3://b/a.wav";
  row.source.file_bytes = 32044;
  const std::string hash = SourceHash(row);
  row.audio_path = "clips/a.wav";
  EXPECT_EQ(SourceHash(row), hash);
  EXPECT_EQ(row.written_path(), "clips/a.wav");
  row.audio_path.clear();
  EXPECT_EQ(row.written_path(), "s3://b/a.wav");
}

TEST(HashRowSourceTest, EveryPieceHasItsOwn) {
  std::set<std::string> hashes;
  PlanRow row;
  row.source.file_bytes = 1000;
  const auto add = [&](int64_t start, int64_t num_samples, ByteRange range) {
    row.source.segment_start = start;
    row.source.segment_num_samples = num_samples;
    row.source.range = range;
    EXPECT_TRUE(hashes.insert(SourceHash(row)).second)
        << start << ' ' << num_samples << ' ' << range.offset;
  };
  add(0, 0, {});
  add(0, 100, {});
  add(1, 100, {});
  add(0, 101, {});
  add(0, 0, {0, 1000});
  add(0, 0, {1, 1000});
  add(0, 100, {1, 1000});
}

}  // namespace
}  // namespace melmill
