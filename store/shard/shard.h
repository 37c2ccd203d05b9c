#ifndef MELMILL_STORE_SHARD_SHARD_H_
#define MELMILL_STORE_SHARD_SHARD_H_

#include <cstdint>
#include <string>

#include "dsp/log_mel/log_mel.h"
#include "io/hash.h"
#include "io/result.h"

namespace melmill {

// A shard is the unit of work, commit and verification: a run of rows of one
// split, with their features and what else comes from their audio.
// docs/format.md describes the file. ShardWriter makes it, ShardReader reads
// it.

// The shape of a shard, fixed when it is planned. The file's name determines
// all of it.
struct ShardSpec {
  std::string contract;     // compact JSON: what the numbers mean
  std::string producer;     // compact JSON: what made them
  std::string fingerprint;  // 32 hex digits
  FeatureType feature_type = FeatureType::kFloat16;
  int n_mels = 0;
  int tail_length = 0;  // samples kept of each clip's end: n_fft
  uint64_t num_rows = 0;
  uint64_t num_frames = 0;  // frames of all slots together
  bool has_peaks = true;    // false if made before shards had them

  uint64_t bytes_per_frame() const {
    return static_cast<uint64_t>(n_mels) * FeatureSize(feature_type);
  }
};

enum class RowStatus : uint8_t {
  kStored = 1,
  kRejected = 2,   // rejected during extraction; its slot is zeros
  kWithdrawn = 3,  // removed later
};

inline constexpr float kUnknownPeak = -1;

// One row of a shard's index. The columns have the names of the fields.
struct ShardRow {
  uint64_t start = 0;        // first frame in /features
  uint32_t num_frames = 0;   // 0 unless stored
  uint64_t num_samples = 0;  // at the feature sample rate; 0 unless stored
  float body_max = 0;        // ClipLevels
  float floor = 0;
  RowStatus status = RowStatus::kRejected;
  uint64_t checksum = 0;     // XXH3-64 of the row's feature bytes
  uint32_t source_rate = 0;  // Hz
  uint32_t source_channels = 0;
  uint64_t source_num_samples = 0;  // per channel
  Hash128 source_checksum = {};     // hash of the data chunk's samples
  RejectCode reject_code = RejectCode::kNone;
  int64_t reject_detail = 0;  // Error::detail
  // The largest absolute sample of the mean of the source's channels, at the
  // source's rate; 0 unless stored; kUnknownPeak if the shard has no peaks.
  float peak = 0;

  friend bool operator==(const ShardRow&, const ShardRow&) = default;
};

}  // namespace melmill

#endif  // MELMILL_STORE_SHARD_SHARD_H_
