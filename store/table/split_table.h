#ifndef MELMILL_STORE_TABLE_SPLIT_TABLE_H_
#define MELMILL_STORE_TABLE_SPLIT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/file/name_change.h"
#include "io/result.h"
#include "store/plan/plan_row.h"
#include "store/shard/shard.h"
#include "store/table/optional_columns.h"
#include "store/table/table.h"
#include "store/table/table_spool.h"

namespace melmill {

// NAME.rows.h5 has one row for every stored line of a split, in manifest order.
// With it a reader opens a split without opening its shards. The optional
// columns are the last: those of pieces of files, then that of audio paths.
std::vector<ColumnSpec> SplitTableColumns(
    const std::vector<std::string>& kept_fields, OptionalColumns optional);

// The columns, in the order of SplitTableColumns.
enum SplitTableColumn : size_t {
  kSplitTableLine,
  kSplitTableShard,  // index into store.json's list
  kSplitTableStart,
  kSplitTableNumFrames,
  kSplitTableNumSamples,
  kSplitTableText,
  kSplitTableAudio,
  kSplitTablePrompt,
  kSplitTableFirstKept,
};

// The columns of pieces, counted from the first of them: SplitTableFirstPiece.
enum SplitTablePieceColumn : size_t {
  kSplitTableSegmentStart,
  kSplitTableSegmentNumSamples,  // 0 for a whole file
  kSplitTableSourceRate,         // Hz of the file
  kSplitTableRangeOffset,
  kSplitTableRangeBytes,  // 0 for a whole file
  kSplitTableNumOfPieces,
};
inline size_t SplitTableFirstPiece(size_t num_kept_fields) {
  return kSplitTableFirstKept + num_kept_fields;
}
// The column of audio paths; empty text for a row whose path is its audio.
inline size_t SplitTableAudioPath(size_t num_kept_fields, bool has_pieces) {
  return SplitTableFirstPiece(num_kept_fields) +
         (has_pieces ? size_t{kSplitTableNumOfPieces} : 0);
}

class SplitTableWriter {
 public:
  SplitTableWriter(const std::string& spool_folder,
                   const std::vector<std::string>& kept_fields,
                   OptionalColumns optional);

  // Errors: kMachineFault.
  Result<void> Append(const PlanRow& plan_row, const ShardRow& shard_row,
                      size_t shard);

  // Writes the table and two columns for look-up by audio string: audio_hash
  // (sorted XXH3-64 values) and audio_hash_row (the row of each; equal hashes
  // in row order). DurableFile::Commit explains `replaced`. Error:
  // kMachineFault.
  Result<void> WriteFile(const std::string& path,
                         const std::optional<FileIdentity>& replaced = {});

 private:
  struct HashedRow {
    uint64_t hash;
    uint64_t row;
  };

  OptionalColumns optional_;
  TableSpool table_;
  std::vector<HashedRow> hashes_;
};

}  // namespace melmill

#endif  // MELMILL_STORE_TABLE_SPLIT_TABLE_H_
