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

// Reads a shard file. Errors: kNotFound; kDamaged if the file is not a whole
// shard, with what is wrong; kTruncated if it became shorter after it was
// opened; kMachineFault if it cannot be read. Thread-safe.
class ShardReader {
 public:
  // Reads structure and index. Checks that datasets, types and shapes agree and
  // that every row's slot lies within /features.
  static Result<ShardReader> Open(const std::string& path);

  ~ShardReader();
  ShardReader(ShardReader&&) noexcept;
  ShardReader& operator=(ShardReader&&) noexcept;

  const ShardSpec& spec() const;
  const std::vector<ShardRow>& rows() const;
  uint64_t num_bytes() const;  // size of the file

  // Reads the num_frames * n_mels values of a stored row.
  Result<std::vector<std::byte>> ReadFeatures(size_t row) const;
  // Reads the row's spec().tail_length samples.
  Result<std::vector<float>> ReadTailSamples(size_t row) const;

  // Reads everything except the features and compares it with the file's own
  // checksum (kDamaged). Returns the checksum that store.json keeps.
  Result<uint64_t> CheckIndex() const;

  // Finds stored rows whose feature bytes do not match their checksum, and
  // other rows whose frames are not zeros. Returns them in order. kDamaged also
  // if frames that belong to no row have bytes other than zero, and for a copy
  // without features. Calls
  // must_stop() for each stored row; once that returns true, ends with
  // kMachineFault.
  Result<std::vector<size_t>> FindDamagedRows(
      const std::function<bool()>& must_stop = {}) const;

 private:
  class Impl;
  explicit ShardReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace melmill

#endif  // MELMILL_STORE_SHARD_SHARD_READER_H_
