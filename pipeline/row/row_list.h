#ifndef MELMILL_PIPELINE_ROW_ROW_LIST_H_
#define MELMILL_PIPELINE_ROW_ROW_LIST_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/hash.h"
#include "io/result.h"
#include "io/sound/coded_segments.h"
#include "pipeline/plan/planned_work.h"
#include "pipeline/row/row_task.h"
#include "store/plan/plan_row.h"

namespace melmill {

// The rows of a planned shard, in order. Shards of short clips have tens of
// thousands of rows, and several shards are open at a time. So rows are stored
// in few bytes, without a block of memory for each, and RowTasks are made on
// demand.
class RowList {
 public:
  // All that `work` refers to must outlive the list. Errors: kMachineFault;
  // kDamaged if rows of a plan file contradict each other, their headers or the
  // shard, since the code that computes and stores rows relies on them.
  static Result<RowList> Load(const PlannedWork& work,
                              const PlannedShard& shard,
                              const Quarantine& quarantine = {},
                              WorkPermit* permit = nullptr);

  size_t size() const { return rows_.size(); }
  RowTask operator[](size_t row) const;
  const Source& source(size_t row) const { return rows_[row].source; }

  // The row that should be computed as number `place`: segments of a coded file
  // one after the other, in the order of their samples, so that it is decoded
  // once. All other rows keep their places.
  size_t InOrder(size_t place) const {
    return order_.empty() ? place : order_[place];
  }

  // Releases the memory.
  void Clear();

 private:
  struct Entry {
    uint64_t line;
    Source source;
    uint64_t start;
    Hash128 source_hash;
    // Ends in strings_ of the audio string, which begins where the last row's
    // path ends, and of the audio path behind it.
    uint64_t audio_end;
    uint64_t audio_path_end;
  };

  RowList(const std::string& audio_root, const Quarantine& quarantine,
          WorkPermit* permit)
      : audio_root_(&audio_root), quarantine_(quarantine), permit_(permit) {}
  void SetOrder();
  std::string_view AudioOf(size_t row) const;
  // The path of the file, as the manifest has it.
  std::string_view WrittenPathOf(size_t row) const;
  Result<void> Add(const PlannedWork& work, const PlannedShard& shard,
                   const PlanRow& row, Hasher128* hasher);

  const std::string* audio_root_;
  Quarantine quarantine_;
  WorkPermit* permit_;
  std::vector<Entry> rows_;
  std::vector<char> strings_;  // audio strings and audio paths
  uint64_t num_frames_ = 0;    // frames of all rows
  // Both are there only if there are segments of coded files.
  std::vector<size_t> order_;
  std::unique_ptr<CodedSegments> coded_segments_;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_ROW_LIST_H_
