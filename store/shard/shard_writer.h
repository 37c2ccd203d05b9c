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

// Writes one shard. The file has its final size from the start, rows are
// written straight to their slots in any order, and Commit gives it its name.
// Destroying an uncommitted writer removes the temporary file. All errors are
// kMachineFault.
class ShardWriter {
 public:
  // `path` is the final name. The file has TemporaryName(path) until Commit.
  static Result<ShardWriter> Create(const std::string& path,
                                    const ShardSpec& spec);

  ~ShardWriter();
  ShardWriter(ShardWriter&&) noexcept;
  ShardWriter& operator=(ShardWriter&&) noexcept;

  // The size of the file.
  uint64_t num_bytes() const;

  // Writes part of a row's features. The row begins at frame `start`; the part
  // begins `offset_bytes` after that. Thread-safe for different rows; takes no
  // lock and allocates nothing.
  Result<void> WriteFeatures(uint64_t start, uint64_t offset_bytes,
                             std::span<const std::byte> features);

  // Reads back what WriteFeatures wrote.
  Result<void> ReadFeatures(uint64_t start, uint64_t offset_bytes,
                            std::span<std::byte> features) const;

  // Records row number `row`, which must have status kStored, and writes its
  // tail_length samples. All its features must have been written. Thread-safe
  // for different rows; takes no lock and allocates nothing.
  Result<void> FinishRow(size_t row, const ShardRow& index,
                         std::span<const float> tail_samples);

  // Records a row without features (status not kStored). Its slot, `num_frames`
  // from index.start on, becomes zeros whatever was written to it. Thread-safe
  // for different rows.
  Result<void> SkipRow(size_t row, const ShardRow& index, uint64_t num_frames);

  // The result of Commit: what store.json keeps of a shard.
  struct Committed {
    uint64_t num_bytes = 0;  // size of the file
    uint64_t checksum = 0;   // XXH3-64 of all bytes outside /features
  };

  // Writes the index, makes the file durable and gives it its final name. Every
  // row must have been finished or skipped. The writer must not be used
  // afterwards. With `expected`, a file with another checksum is removed and
  // gets no name; that is no error, and the result shows it.
  // DurableFile::Commit explains `replaced`.
  Result<Committed> Commit(std::optional<uint64_t> expected = {},
                           const std::optional<FileIdentity>& replaced = {});

 private:
  class Impl;
  explicit ShardWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The approximate size of a shard file of this shape.
uint64_t EstimateShardBytes(const ShardSpec& spec);

}  // namespace melmill

#endif  // MELMILL_STORE_SHARD_SHARD_WRITER_H_
