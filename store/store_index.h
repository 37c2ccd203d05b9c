#ifndef MELMILL_STORE_STORE_INDEX_H_
#define MELMILL_STORE_STORE_INDEX_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"
#include "store/table/optional_columns.h"

namespace melmill {

// The rate of what features are computed from, which a store's num_samples
// count.
inline constexpr int kFeatureSampleRateHz = 16'000;

// store.json. It is written last, so if it exists, the store is complete.

inline constexpr int kFormatMajor = 1;  // of a store of whole files
// Of a store with pieces of files, whose tables have columns for them.
inline constexpr int kPieceFormatMajor = 2;  // readers refuse any further one
// The minor numbers that came with an addition; readers accept any value.
inline constexpr int kTrainingFormatMinor = 1;   // SplitEntry::training
inline constexpr int kAudioPathFormatMinor = 2;  // has_audio_paths
inline constexpr int kPeakFormatMinor = 3;       // ShardSpec::has_peaks

struct ShardEntry {
  std::string split;
  std::string file;         // file name within the store
  std::string fingerprint;  // 32 hex digits
  uint64_t num_rows = 0;
  uint64_t num_stored = 0;  // rows with features
  uint64_t num_frames = 0;  // frames of /features
  uint64_t num_bytes = 0;   // size of the file
  uint64_t checksum = 0;    // XXH3-64 of the bytes outside /features
};

struct FileEntry {
  std::string file;
  uint64_t num_bytes = 0;
  uint64_t checksum = 0;  // XXH3-64 of the whole file
};

struct SplitEntry {
  std::string name;
  uint64_t num_lines = 0;  // lines that are not blank
  uint64_t num_stored = 0;
  uint64_t num_rejected = 0;  // num_lines = num_stored + num_rejected
  uint64_t num_samples = 0;   // samples of the stored rows, at the feature rate
  uint64_t num_frames = 0;
  FileEntry table;     // NAME.rows.h5
  FileEntry accepted;  // NAME.accepted.jsonl
  // NAME.training.jsonl, if the manifests have other fields than melmill's.
  std::optional<FileEntry> training;
};

struct StoreIndex {
  int format_major = kFormatMajor;
  int format_minor = 0;  // the least with all that the store has
  std::string contract;  // a JSON object, compact as nlohmann dumps it
  std::string producer;  // a JSON object in the same form
  std::string plan;      // 32 hex digits: the fingerprint of the plan
  uint64_t shard_target_bytes = 0;
  std::vector<std::string> kept_fields;
  bool has_audio_paths = false;  // whether the tables have their column
  std::vector<SplitEntry> splits;
  std::vector<ShardEntry> shards;  // the tables' `shard` is an index into it
  FileEntry rejects;               // rejects.jsonl
  FileEntry plan_file;             // plan.h5

  std::vector<FileEntry> files() const;  // all files except the shards
  uint64_t num_stored() const;           // stored rows of all splits
  bool has_pieces() const { return format_major == kPieceFormatMajor; }
  OptionalColumns optional_columns() const {
    return {.pieces = has_pieces(), .audio_paths = has_audio_paths};
  }
};

// The text of store.json: indented, with a final line feed and keys in a fixed
// order. Checksums are 16 hex digits. The last line but one is the checksum of
// the bytes before it.
std::string FormatStoreIndex(const StoreIndex& index);

// Parses the text of store.json. Ignores unknown fields. Hostile text is safe:
// at most 256 MiB, 32 levels and 256 keys an object, and file names without a
// slash. Errors: kDamaged, with the field's name or that the checksum is wrong;
// kOtherFormat for another major version.
Result<StoreIndex> ParseStoreIndex(std::string_view text);

}  // namespace melmill

#endif  // MELMILL_STORE_STORE_INDEX_H_
