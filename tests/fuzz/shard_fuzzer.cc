// A shard file: its structure and index, and every row's data.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/h5_file.h"
#include "io/hash.h"
#include "io/shard_reader.h"
#include "tests/fuzz/fuzz_input.h"

namespace melmill {
namespace {

// Whether the frames from the row's own to the next row's are zeros.
bool ZerosFollow(const ShardReader& shard, size_t row,
                 std::span<const std::byte> bytes) {
  const std::vector<ShardRow>& rows = shard.rows();
  const uint64_t begin = rows[row].start + rows[row].num_frames;
  const uint64_t end =
      row + 1 < rows.size() ? rows[row + 1].start : shard.spec().num_frames;
  if (begin >= end) return true;
  const auto frames = bytes.subspan(
      kFirstDatasetOffset + begin * shard.spec().bytes_per_frame(),
      (end - begin) * shard.spec().bytes_per_frame());
  return std::count(frames.begin(), frames.end(), std::byte{0}) ==
         static_cast<ptrdiff_t>(frames.size());
}

void CheckShard(const ShardReader& shard, std::span<const std::byte> bytes) {
  const ShardSpec& spec = shard.spec();
  Require(shard.num_bytes() == bytes.size(), "the size is that of the file");
  Require(spec.num_rows == shard.rows().size() && spec.num_rows > 0,
          "the index has all rows");
  Require(spec.num_frames * spec.bytes_per_frame() <= bytes.size(),
          "all features are in the file");
  const auto damaged = shard.FindDamagedRows();
  Require(damaged.ok(), "all rows can be read");
  for (size_t r = 0; r < shard.rows().size(); ++r) {
    const ShardRow& row = shard.rows()[r];
    Require(row.num_frames <= spec.num_frames &&
                row.start <= spec.num_frames - row.num_frames,
            "every row's frames are the shard's");
    const auto tail_samples = shard.ReadTailSamples(r);
    Require(tail_samples.ok() && tail_samples.value().size() ==
                                     static_cast<size_t>(spec.tail_length),
            "every row has its tail samples");
    const auto features = shard.ReadFeatures(r);
    Require(features.ok() && features.value().size() ==
                                 row.num_frames * spec.bytes_per_frame(),
            "every row has its features");
    const bool is_damaged = (row.status == RowStatus::kStored &&
                             Xxh3_64(features.value()) != row.checksum) ||
                            !ZerosFollow(shard, r, bytes);
    const bool is_found =
        std::binary_search(damaged.value().begin(), damaged.value().end(), r);
    Require(is_damaged == is_found, "damaged rows are found");
  }
}

}  // namespace
}  // namespace melmill

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace melmill;
  const InputLimits limits;
  const auto bytes = AsBytes(data, size);
  const auto shard = ShardReader::Open(FileOf(bytes));
  if (shard.ok()) {
    CheckShard(shard.value(), bytes);
  } else {
    // The file does not change and can be read.
    Require(shard.error().code == ErrorCode::kBadHeader &&
                !shard.error().message.empty(),
            "a damaged shard is called that");
  }
  return 0;
}
