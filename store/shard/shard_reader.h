#ifndef MELMILL_STORE_SHARD_SHARD_READER_H_
#define MELMILL_STORE_SHARD_SHARD_READER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/result.h"
#include "store/shard/shard.h"

namespace melmill {

// Reads a shard file. Errors: kNotFound; kDamaged for a file that is not a
// whole shard (says what is wrong); kTruncated when it became shorter after it
// was opened; kMachineFault when it cannot be read. Thread-safe.
class ShardReader {
 public:
  // Reads and checks structure and index: datasets, types and shapes agree,
  // every row's slot lies within /features.
  static Result<ShardReader> Open(const std::string& path);

  ~ShardReader();
  ShardReader(ShardReader&&) noexcept;
  ShardReader& operator=(ShardReader&&) noexcept;

  const ShardSpec& spec() const;
  const std::vector<ShardRow>& rows() const;
  uint64_t num_bytes() const;  // of the file

  // num_frames * n_mels values of a stored row.
  Result<std::vector<std::byte>> ReadFeatures(size_t row) const;
  // spec().tail_length samples.
  Result<std::vector<float>> ReadTailSamples(size_t row) const;

  // Reads all that is not features and compares it with the file's own
  // checksum (kDamaged). Returns the checksum that store.json keeps.
  Result<uint64_t> CheckIndex() const;

  // The stored rows whose feature bytes do not match their checksum, and the
  // others whose frames are not zeros, in order. kDamaged also if there are
  // bytes other than zero in frames of no row. Ends early, with kMachineFault,
  // once must_stop(), asked for each row, is true.
  Result<std::vector<size_t>> FindDamagedRows(
      const std::function<bool()>& must_stop = {}) const;

 private:
  class Impl;
  explicit ShardReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace melmill

#endif  // MELMILL_STORE_SHARD_SHARD_READER_H_
