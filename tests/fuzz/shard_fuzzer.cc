// Fuzzes a shard file: its structure and index, and every row's data.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/hash.h"
#include "store/hdf5/h5_file.h"
#include "store/shard/shard_reader.h"
#include "tests/fuzz/fuzz_input.h"

namespace melmill {
namespace {

// Whether any frame that belongs to no stored row is not zeros.
bool HasStrayBytes(const ShardReader& shard, std::span<const std::byte> bytes) {
  const ShardSpec& spec = shard.spec();
  std::vector<std::byte> features(
      bytes.begin() + kFirstDatasetOffset,
      bytes.begin() + kFirstDatasetOffset +
          static_cast<ptrdiff_t>(spec.num_frames * spec.bytes_per_frame()));
  for (const ShardRow& row : shard.rows()) {
    std::fill_n(features.begin() +
                    static_cast<ptrdiff_t>(row.start * spec.bytes_per_frame()),
                row.num_frames * spec.bytes_per_frame(), std::byte{0});
  }
  return std::any_of(features.begin(), features.end(),
                     [](std::byte byte) { return byte != std::byte{0}; });
}

// Returns whether the row is a stored one with a wrong checksum.
bool CheckRow(const ShardReader& shard, size_t r) {
  const ShardSpec& spec = shard.spec();
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
  return row.status == RowStatus::kStored &&
         Xxh3_64(features.value()) != row.checksum;
}

void CheckDamage(const ShardReader& shard, const std::vector<size_t>& wrong,
                 bool has_stray_bytes) {
  const auto damaged = shard.FindDamagedRows();
  if (!damaged.ok()) {
    Require(damaged.error().code == ErrorCode::kDamaged && has_stray_bytes,
            "only stray bytes are more than damaged rows");
    return;
  }
  std::vector<size_t> stored;
  for (const size_t r : damaged.value()) {
    if (shard.rows()[r].status == RowStatus::kStored) stored.push_back(r);
  }
  Require(stored == wrong, "wrong checksums are found");
  Require((stored.size() < damaged.value().size()) == has_stray_bytes,
          "stray bytes are found");
}

void CheckShard(const ShardReader& shard, std::span<const std::byte> bytes) {
  const ShardSpec& spec = shard.spec();
  Require(shard.num_bytes() == bytes.size(), "the size is that of the file");
  Require(spec.num_rows == shard.rows().size() && spec.num_rows > 0,
          "the index has all rows");
  Require(spec.num_frames * spec.bytes_per_frame() <= bytes.size(),
          "all features are in the file");
  std::vector<size_t> wrong;
  for (size_t r = 0; r < shard.rows().size(); ++r) {
    if (CheckRow(shard, r)) wrong.push_back(r);
  }
  CheckDamage(shard, wrong, HasStrayBytes(shard, bytes));
  const auto index = shard.CheckIndex();
  Require(index.ok() || index.error().code == ErrorCode::kDamaged,
          "the index can be checked");
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
    // The file can be read and does not change.
    Require(shard.error().code == ErrorCode::kDamaged &&
                !shard.error().message.empty(),
            "a damaged shard is called that");
  }
  return 0;
}
