#ifndef MELMILL_PIPELINE_EXTRACT_ROW_DISPATCHER_H_
#define MELMILL_PIPELINE_EXTRACT_ROW_DISPATCHER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "io/result.h"
#include "pipeline/extract/extract.h"
#include "pipeline/extract/open_shard.h"
#include "pipeline/extract/row_queue.h"
#include "pipeline/extract/unreadable_files.h"
#include "pipeline/row/row_task.h"
#include "pipeline/row/work_permit.h"
#include "pipeline/setup/stopwatch.h"

namespace melmill {

// A row that is given out, and the shard that stores it.
struct DispatchedRow {
  QueuedRow queued;
  RowTask task;
  OpenShard* shard = nullptr;
};

// Gives out the rows of a job and takes each back with its outcome. Opens
// shards, has rows tried again, rejects them or drops their shard, and decides
// what a stopped run still completes. For one thread at a time, which need not
// be the one that computes.
class RowDispatcher : private RowSource {
 public:
  // `job` must outlive it. `max_bytes` is that of RowQueue::Limits.
  RowDispatcher(const ExtractJob& job, uint64_t max_bytes);

  // Returns the next row. Returns none while none may be given out, after a
  // fault, and once the grace of a stopped run is over.
  std::optional<DispatchedRow> Next();
  // Whether Next returned none because a shard must be committed first.
  bool waits_for_commit() const;

  // Takes a row back; each row that was given out must come back once.
  // `outcome` is that of OpenShard::ComputeAndStore, or of an earlier step that
  // failed. Returns the row's shard if all its rows are now stored or rejected;
  // it must then be committed.
  std::unique_ptr<OpenShard> TakeBack(const DispatchedRow& row,
                                      const Result<void>& outcome);

  // Call it when the shard has its final name, or will get none.
  void Forget(size_t shard);

  // Ends the job with this fault, unless another one has ended it before.
  void Fail(const Error& fault);
  const std::optional<Error>& fault() const { return fault_; }

  uint64_t num_stored() const { return num_stored_; }
  uint64_t num_rejected() const { return num_rejected_; }
  size_t num_dropped() const { return num_dropped_; }  // shards
  uint64_t num_given_out() const { return num_given_out_; }
  uint64_t num_taken_back() const { return num_taken_back_; }
  // The memory of the rows that are given out.
  uint64_t bytes_given_out() const { return queue_.bytes_given_out(); }

 private:
  // A shard in work.
  struct ShardInWork {
    ShardInWork(const RunControl& control, std::function<void()> on_stop)
        : permit(control, std::move(on_stop)) {}

    WorkPermit permit;
    std::unique_ptr<OpenShard> shard;
    size_t num_given_out = 0;  // rows that have not come back
    bool is_dropped = false;
  };

  // Overrides of RowSource.
  Result<ShardSize> Open(size_t shard) override;
  RowSize SizeOf(size_t shard, size_t row) const override;

  bool IsOver() const;
  std::unique_ptr<OpenShard> RetryOrReject(const DispatchedRow& row,
                                           const Error& error);
  void DropShard(const DispatchedRow& row, const Error& error);
  void GiveUp(const DispatchedRow& row);
  std::unique_ptr<OpenShard> FinishRow(const DispatchedRow& row);
  void ChooseWhatToComplete();
  void OnStop();

  const ExtractJob& job_;
  const Stopwatch stopwatch_;
  // Guards everything below except has_chosen_. Rows in work come here, too,
  // through OnStop.
  std::mutex mutex_;
  std::atomic<bool> has_chosen_{false};
  std::map<size_t, ShardInWork> open_shards_;
  RowQueue queue_;
  uint64_t closed_frames_ = 0;  // frames computed in closed shards
  UnreadableFiles unreadable_files_{job_.work};
  std::optional<Error> fault_;
  uint64_t num_stored_ = 0;
  uint64_t num_rejected_ = 0;
  size_t num_dropped_ = 0;
  uint64_t num_given_out_ = 0;
  uint64_t num_taken_back_ = 0;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_EXTRACT_ROW_DISPATCHER_H_
