#ifndef MELMILL_PIPELINE_EXTRACT_ROW_QUEUE_H_
#define MELMILL_PIPELINE_EXTRACT_ROW_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "io/result.h"

namespace melmill {

// A row that is given out to be computed.
struct QueuedRow {
  size_t shard = 0;  // index in the plan
  size_t row = 0;    // number in the order in which the shard's are computed
  int attempt = 1;
  uint64_t num_frames = 0;
  uint64_t num_bytes = 0;  // memory while it is in work
};

// Tells a RowQueue about the rows of shards.
class RowSource {
 public:
  struct ShardSize {
    size_t num_rows = 0;  // at least 1
    uint64_t num_frames = 0;
  };
  struct RowSize {
    uint64_t num_frames = 0;
    uint64_t num_bytes = 0;
  };

  virtual ~RowSource() = default;
  // Prepares the shard for its rows.
  virtual Result<ShardSize> Open(size_t shard) = 0;
  virtual RowSize SizeOf(size_t shard, size_t row) const = 0;
};

// The remaining work of an open shard.
struct ShardRest {
  size_t shard = 0;
  size_t num_rows = 0;  // rows not settled
  uint64_t num_frames = 0;
};

// The shards that a stopped run can still complete, those with the least left
// first. A shard counts if it and the shards before it can be done in
// `seconds`. `frames_per_second` is the speed of all `num_threads` together; a
// thread works on one row at a time.
std::vector<size_t> ShardsToComplete(std::vector<ShardRest> rests,
                                     double frames_per_second, double seconds,
                                     int num_threads);

// Decides which row is computed next. Shards are filled in order, each to its
// last row before the next one begins, and no further ahead of their commits
// than Limits allows. Knows neither files nor threads. For one thread at a
// time.
class RowQueue {
 public:
  struct Limits {
    // Memory for rows that are given out. One row may always be given out.
    uint64_t max_bytes = 0;
    // Bounds what is lost if the process dies. The frames of rows that were
    // given out and whose shard is not committed do not exceed max_lost_frames
    // plus those of num_further_rows rows. Shards with a row that waits for
    // another attempt are not counted. Must be at least the frames of the
    // largest shard.
    uint64_t max_lost_frames = 0;
    size_t num_further_rows = 0;
  };

  // `shards` is in the order in which they are made.
  RowQueue(std::vector<size_t> shards, const Limits& limits, RowSource* source)
      : unopened_(shards.begin(), shards.end()),
        limits_(limits),
        source_(*source) {}

  // Returns the next row, or none while none may be given out. Rows that are
  // tried again come after all others, or once they keep too many shards open.
  // Errors: those of Open.
  Result<std::optional<QueuedRow>> Next();
  // Whether Next returned none because of max_lost_frames: a commit may help.
  bool waits_for_commit() const { return waits_for_commit_; }

  // Each row that was given out comes back through Settle, Defer or GiveUp.
  //
  // Settle takes a row that was stored or rejected. Returns whether it was the
  // shard's last, so that the shard can be committed.
  bool Settle(const QueuedRow& row);
  // Takes a row that is to be given out again.
  void Defer(const QueuedRow& row);
  // Takes a row that was stopped. Its shard will not be made.
  void GiveUp(const QueuedRow& row);

  // Call it when the shard has its final name, or will get none.
  void Forget(size_t shard);

  // From now on no shard is opened, and only rows of `kept` are given out.
  void Stop(const std::vector<size_t>& kept);
  // The remaining work of each shard with rows that are not settled.
  // `computed_frames` gives the frames already computed in a shard, those of
  // rows in work included.
  std::vector<ShardRest> Rests(
      const std::function<uint64_t(size_t shard)>& computed_frames) const;

  uint64_t bytes_given_out() const { return bytes_given_out_; }

  // While this many shards have rows that wait for another attempt, no further
  // shard is opened. The rows in work may add one shard each.
  static constexpr size_t kMaxWaitingShards = 256;

 private:
  struct Shard {
    RowSource::ShardSize size;
    size_t next_row = 0;
    size_t num_unsettled = 0;
    uint64_t lost_frames = 0;      // frames given out, if they count
    bool waits_for_retry = false;  // for good, once a row was deferred
  };

  bool IsWanted(size_t shard) const { return !kept_ || kept_->contains(shard); }
  Result<void> OpenNextShard();
  std::optional<QueuedRow> NextFresh();
  std::optional<QueuedRow> NextDeferred();
  bool FitsMemory(const QueuedRow& row) const;
  bool MayBeLost(uint64_t num_frames);
  void StopCounting(Shard* shard);
  QueuedRow GiveOut(const QueuedRow& row);
  void TakeBack(const QueuedRow& row);

  std::deque<size_t> unopened_;
  const Limits limits_;
  RowSource& source_;
  std::map<size_t, Shard> shards_;
  std::optional<size_t> filling_;  // the shard that has fresh rows left
  size_t num_waiting_shards_ = 0;  // waiting for a retry, and not settled
  std::deque<QueuedRow> deferred_;
  std::optional<std::set<size_t>> kept_;  // set once stopped
  bool waits_for_commit_ = false;
  size_t num_given_out_ = 0;
  uint64_t bytes_given_out_ = 0;
  uint64_t lost_frames_ = 0;  // sum over shards_
  // The frames of each given-out row beyond max_lost_frames.
  std::deque<uint64_t> further_rows_;
  uint64_t further_frames_ = 0;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_EXTRACT_ROW_QUEUE_H_
