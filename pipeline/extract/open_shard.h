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

// One shard in work: its rows and the file they go to. Destroying it without
// Commit removes the file.
class OpenShard {
 public:
  // `index` is an index into the plan's shards. `permit`, if given, is asked
  // for its rows. Errors: those of RowList::Load and ShardWriter::Create.
  static Result<std::unique_ptr<OpenShard>> Create(
      const ExtractJob& job, size_t index, WorkPermit* permit = nullptr);

  size_t index() const { return index_; }
  const RowList& rows() const { return rows_; }

  // ComputeAndStore and Reject are thread-safe for different rows.
  //
  // ComputeAndStore computes a row whose file was read, and stores it. Errors:
  // kMachineFault, and those of ComputeRow, after which the row may be tried
  // again or rejected. Reject fails only with kMachineFault.

  // Computes a row whose file was read, and stores it. Errors: also those
  // of ComputeRow; then the row may be tried again, or rejected.
  Result<void> ComputeAndStore(const RowTask& task,
                               const RowComputer& processor, RowInput* input,
                               RowWorkspace* workspace);
  Result<void> Reject(const RowTask& task, const Error& error);

  // Frees what is known of the rows, for a shard that waits for its commit.
  // Every row must have been stored or rejected. Only index() and Commit may
  // follow.
  void ReleaseRows() { rows_.Clear(); }

  // Commits the shard as ShardWriter::Commit does, as the job's replacement if
  // it is one. Then tells `local`, if not null, what the rows' files were like
  // when they were read. Every row must have been stored or rejected. Error:
  // kMachineFault, also if the rows are of several files and none of these
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
  std::atomic<size_t> num_unreadable_{0};  // rejected with MayBeMachineFault
  std::atomic<bool> are_several_unreadable_{false};  // of several files
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_EXTRACT_OPEN_SHARD_H_
