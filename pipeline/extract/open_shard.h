#ifndef MELMILL_PIPELINE_EXTRACT_OPEN_SHARD_H_
#define MELMILL_PIPELINE_EXTRACT_OPEN_SHARD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/file/file_facts.h"
#include "io/result.h"
#include "pipeline/extract/extract.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_list.h"
#include "pipeline/row/row_task.h"
#include "store/local_file.h"
#include "store/shard/shard_writer.h"

namespace melmill {

// One shard in work: its rows and the file they go to. Dropping it removes
// the file.
class OpenShard {
 public:
  // `index`: of job.shards. `permit`: of its rows. Errors: those of
  // RowList::Load.
  static Result<std::unique_ptr<OpenShard>> Create(
      const ExtractJob& job, size_t index, WorkPermit* permit = nullptr);

  size_t index() const { return index_; }
  const RowList& rows() const { return rows_; }

  // Both are thread-safe for different rows. Errors: kMachineFault.

  // Computes a row whose file was read, and stores it. Errors: also those
  // of ComputeRow; then the row may be tried again, or rejected.
  Result<void> ComputeAndStore(size_t row, const RowComputer& processor,
                               RowInput* input, RowWorkspace* workspace);
  Result<void> Reject(size_t row, const Error& error);

  // Once every row was stored or rejected: frees what is known of them,
  // for shards that wait for their commit. Only index() and Commit may follow.
  void ReleaseRows() { rows_.Clear(); }

  // Once every row was stored or rejected; as ShardWriter::Commit, as
  // the job's replacement if it is one. Then tells
  // `local`, if there is one, what the rows' files were like when they were
  // read. Errors: kMachineFault, also for several rows none of whose files
  // could be read.
  Result<ShardWriter::Committed> Commit(LocalFile* local);

 private:
  class Slot;

  OpenShard(const ExtractJob& job, size_t index, RowList rows,
            ShardWriter writer);

  size_t index_;
  Hash128 fingerprint_;
  std::optional<Replacement> replacement_;
  RowList rows_;
  size_t num_rows_;
  std::string first_path_;
  ShardWriter writer_;
  std::vector<FileFacts> facts_;  // unknown for rows that are not stored
  std::atomic<size_t> num_unreadable_{0};  // rejected: MayBeMachineFault
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_EXTRACT_OPEN_SHARD_H_
