#ifndef MELMILL_STORE_PLAN_PLAN_H_
#define MELMILL_STORE_PLAN_PLAN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/hash.h"
#include "io/manifest/piece_fields.h"
#include "store/table/optional_columns.h"
#include "store/table/table.h"

namespace melmill {

// One shard of a plan. It holds the planned rows among the plan's rows
// [first_row, end_row), in order. All are of one split.
struct PlannedShard {
  uint32_t split = 0;
  uint64_t first_row = 0;
  uint64_t end_row = 0;
  uint64_t num_rows = 0;    // planned rows
  uint64_t num_frames = 0;  // frames of all planned rows
  Hash128 fingerprint = {};

  // "<SplitFileStem>.<first 12 hex digits of the fingerprint>.h5"
  std::string FileName(std::string_view split_name) const;

  friend bool operator==(const PlannedShard&, const PlannedShard&) = default;
};

// The contents of plan.h5: every line of every manifest and what becomes of it,
// and where each planned row will be. It is a pure function of the manifests,
// the settings and the files' sizes and headers.
struct Plan {
  std::string contract;  // compact JSON: what is computed
  std::string producer;  // compact JSON: the code that computes it
  std::vector<std::string> split_names;
  std::vector<std::string> kept_fields;
  // Whether each split gets a training manifest: its manifest has other fields
  // than melmill's.
  bool has_training_manifests = false;
  // Whether a row is a piece of its file: a segment, or a range of its bytes.
  bool has_pieces = false;
  // Whether a planned row has an audio path of its own.
  bool has_audio_paths = false;
  // Which fields of the lines cut segments: SegmentUse, if a line has such
  // fields; otherwise nothing, since any use gives this plan.
  std::optional<SegmentUse> segments;
  std::unique_ptr<TableReader> rows;  // PlanColumns, by split and line
  uint64_t shard_target_bytes = 0;
  std::vector<PlannedShard> shards;
  Hash128 fingerprint = {};  // of everything the store will hold

  OptionalColumns optional_columns() const {
    return {.pieces = has_pieces, .audio_paths = has_audio_paths};
  }
  std::string ShardFileName(const PlannedShard& shard) const {
    return shard.FileName(split_names[shard.split]);
  }
};

}  // namespace melmill

#endif  // MELMILL_STORE_PLAN_PLAN_H_
