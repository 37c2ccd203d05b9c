#ifndef MELMILL_PIPELINE_VIEW_STORED_ROW_H_
#define MELMILL_PIPELINE_VIEW_STORED_ROW_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "io/file/byte_source.h"
#include "io/result.h"
#include "store/store_index.h"

namespace melmill {

// Looking at the rows of a complete store. Errors: kMachineFault for a file
// that cannot be read, kDamaged for one that is not as store.json says. Both
// name the file.

// One row of a split's table.
struct StoredRow {
  std::string split;
  uint64_t row = 0;   // in the split, from 0
  uint64_t line = 0;  // in the manifest, from 1
  std::string audio;
  std::string audio_path;  // of its file, as written; empty if it is `audio`
  std::string text;
  std::string prompt;
  std::vector<std::string> kept;  // JSON texts, as StoreIndex::kept_fields
  uint64_t num_samples = 0;       // at 16 kHz
  uint64_t num_frames = 0;
  uint64_t shard = 0;  // index into StoreIndex::shards
  uint64_t start = 0;  // its first frame in the shard
  // The piece of the file, in stores with pieces: samples of the file at its
  // own rate, and bytes of the file. num_samples and num_bytes are 0 for all.
  uint64_t segment_start = 0;
  uint64_t segment_num_samples = 0;
  uint64_t source_rate_hz = 0;
  ByteRange range;

  bool is_segment() const { return segment_num_samples > 0; }
  bool has_range() const { return range.num_bytes > 0; }
  double segment_start_s() const;
  double segment_seconds() const;

  double seconds() const;
  std::string language() const;    // empty without the template
  std::string transcript() const;  // the text, without the template
};

// Calls visit for rows of a split in order, from `first` on. Ends when `visit`
// returns false. `split` must be one of `index.splits`.
Result<void> VisitStoredRows(
    const std::string& folder, const StoreIndex& index, const SplitEntry& split,
    uint64_t first, const std::function<bool(const StoredRow&)>& visit);

// The features of one row, and what its shard says of the audio.
struct RowFeatures {
  size_t n_mels = 0;
  std::vector<float> values;  // frame after frame, clamped for the row alone
  float peak = 0;             // ShardRow::peak
  uint64_t num_frames() const { return values.size() / n_mels; }
};

Result<RowFeatures> ReadRowFeatures(const std::string& folder,
                                    const StoreIndex& index,
                                    const StoredRow& row);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_VIEW_STORED_ROW_H_
