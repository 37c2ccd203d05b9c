#ifndef MELMILL_STORE_SHARD_SHARD_WRITER_H_
#define MELMILL_STORE_SHARD_SHARD_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "io/file/name_change.h"
#include "io/result.h"
#include "store/shard/shard.h"

namespace melmill {

// Makes one shard: the file gets its final size at creation, rows are written
// straight to their slots in any order, and Commit gives it its name.
// All errors are kMachineFault. Destroying an uncommitted writer removes the
// temporary file.
class ShardWriter {
 public:
  // `path`: the final name. Work happens under TemporaryName(path).
  static Result<ShardWriter> Create(const std::string& path,
                                    const ShardSpec& spec);

  ~ShardWriter();
  ShardWriter(ShardWriter&&) noexcept;
  ShardWriter& operator=(ShardWriter&&) noexcept;

  // Writes bytes of a row's features, which lie from frame `start` on, at
  // `offset_bytes` from there. Thread-safe for different rows; no lock, no
  // allocation.
  Result<void> WriteFeatures(uint64_t start, uint64_t offset_bytes,
                             std::span<const std::byte> features);

  // Reads back what WriteFeatures wrote.
  Result<void> ReadFeatures(uint64_t start, uint64_t offset_bytes,
                            std::span<std::byte> features) const;

  // Records row number `row` (status kStored), all of whose features are
  // written, and writes its tail_length samples. Thread-safe for different
  // rows; no lock, no allocation.
  Result<void> FinishRow(size_t row, const ShardRow& index,
                         std::span<const float> tail_samples);

  // Records a row that has no features (status not kStored); its slot of
  // `num_frames` from index.start on becomes zeros, whatever was written to
  // it. Thread-safe for different rows.
  Result<void> SkipRow(size_t row, const ShardRow& index, uint64_t num_frames);

  // The result of Commit: what store.json keeps of a shard.
  struct Committed {
    uint64_t num_bytes = 0;  // of the file
    uint64_t checksum = 0;   // XXH3-64 of all bytes outside /features
  };

  // Once every row was finished or skipped: writes the index, makes the file
  // durable and gives it its final name. The writer is used up. With
  // `expected`, a file of another checksum gets no name and is removed; that
  // is no error, the result tells it. `replaced`: see DurableFile::Commit.
  Result<Committed> Commit(std::optional<uint64_t> expected = {},
                           const std::optional<FileIdentity>& replaced = {});

 private:
  class Impl;
  explicit ShardWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The size a shard file of this shape has.
uint64_t EstimateShardBytes(const ShardSpec& spec);

}  // namespace melmill

#endif  // MELMILL_STORE_SHARD_SHARD_WRITER_H_
