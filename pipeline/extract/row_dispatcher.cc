#include "pipeline/extract/row_dispatcher.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "pipeline/extract/catch_all.h"
#include "pipeline/row/reject_rules.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/setup/run_control.h"

namespace melmill {
namespace {

RowQueue::Limits QueueLimits(const ExtractJob& job, uint64_t max_bytes) {
  RowQueue::Limits limits = {
      .max_bytes = max_bytes,
      .num_further_rows = static_cast<size_t>(job.num_threads) - 1};
  for (const size_t shard : job.shards) {
    limits.max_lost_frames = std::max(limits.max_lost_frames,
                                      job.work.plan.shards[shard].num_frames);
  }
  return limits;
}

}  // namespace

RowDispatcher::RowDispatcher(const ExtractJob& job, uint64_t max_bytes)
    : job_(job), queue_(job.shards, QueueLimits(job, max_bytes), this) {}

Result<RowSource::ShardSize> RowDispatcher::Open(size_t index) {
  ShardInWork& opened =
      open_shards_.try_emplace(index, *job_.control, [this] { OnStop(); })
          .first->second;
  auto shard =
      CatchAll([&] { return OpenShard::Create(job_, index, &opened.permit); });
  if (!shard.ok()) return shard.error();
  opened.shard = std::move(shard).value();
  return ShardSize{.num_rows = opened.shard->rows().size(),
                   .num_frames = job_.work.plan.shards[index].num_frames};
}

RowSource::RowSize RowDispatcher::SizeOf(size_t shard, size_t row) const {
  const RowList& rows = open_shards_.at(shard).shard->rows();
  const Source& source = rows.source(rows.InOrder(row));
  return {.num_frames = static_cast<uint64_t>(source.num_frames),
          .num_bytes = job_.processor.MemoryBytes(source)};
}

bool RowDispatcher::IsOver() const {
  return fault_.has_value() || job_.control->grace_is_over();
}

void RowDispatcher::ChooseWhatToComplete() {
  if (has_chosen_) return;
  uint64_t num_frames = closed_frames_;
  for (const auto& [index, shard] : open_shards_) {
    num_frames += shard.permit.num_frames();
  }
  auto rests = queue_.Rests([this](size_t shard) {
    return open_shards_.at(shard).permit.num_frames();
  });
  std::erase_if(rests, [this](const ShardRest& rest) {
    return open_shards_.at(rest.shard).is_doubtful;
  });
  const std::vector<size_t> kept = ShardsToComplete(
      rests, static_cast<double>(num_frames) / stopwatch_.seconds(),
      job_.control->grace_left_seconds(), job_.num_threads);
  queue_.Stop(kept);
  for (const ShardRest& rest : rests) {
    if (std::find(kept.begin(), kept.end(), rest.shard) == kept.end()) {
      open_shards_.at(rest.shard).permit.Revoke();
    }
  }
  job_.control->shards_to_complete = static_cast<int>(kept.size());
  has_chosen_ = true;
}

// Rows in work call this, since Next may not be called before they end. If the
// mutex is held, a call of Next will follow.
void RowDispatcher::OnStop() {
  if (has_chosen_) return;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (lock.owns_lock()) ChooseWhatToComplete();
}

std::optional<DispatchedRow> RowDispatcher::Next() {
  const std::lock_guard lock(mutex_);
  if (IsOver()) return {};
  if (job_.control->stop_requested()) ChooseWhatToComplete();
  const Result<std::optional<QueuedRow>> next = queue_.Next();
  if (!next.ok()) Fail(next.error());
  if (!next.ok() || !next.value()) return {};
  const QueuedRow& queued = *next.value();
  OpenShard* shard = open_shards_.at(queued.shard).shard.get();
  ++num_given_out_;
  return DispatchedRow{queued, shard->rows()[shard->rows().InOrder(queued.row)],
                       shard};
}

bool RowDispatcher::waits_for_commit() const {
  return !IsOver() && queue_.waits_for_commit();
}

std::unique_ptr<OpenShard> RowDispatcher::FinishRow(const DispatchedRow& row) {
  job_.control->frames_done += row.queued.num_frames;
  job_.control->bytes_done += row.task.source.bytes_to_read();
  ++job_.control->rows_done;
  if (!queue_.Settle(row.queued)) return nullptr;
  const auto found = open_shards_.find(row.queued.shard);
  closed_frames_ += found->second.permit.num_frames();
  std::unique_ptr<OpenShard> shard = std::move(found->second.shard);
  const bool is_doubtful = found->second.is_doubtful;
  open_shards_.erase(found);
  if (!is_doubtful) return shard;
  ++num_dropped_;
  queue_.Forget(row.queued.shard);
  return nullptr;
}

std::unique_ptr<OpenShard> RowDispatcher::RetryOrReject(
    const DispatchedRow& row, const Error& error) {
  const int attempt = row.queued.attempt;
  const bool may_pass = MayBeMachineFault(error.code);
  Result<void> may_go_on;
  if (may_pass && attempt == 1) {
    may_go_on = unreadable_files_.AddFailure(row.task, error);
  } else if (may_pass && attempt == kMaxReadAttempts) {
    may_go_on = unreadable_files_.CheckMayReject(row.task, error);
  }
  if (!may_go_on.ok()) {
    Fail(may_go_on.error());
    return nullptr;
  }
  if (may_pass && attempt < kMaxReadAttempts) {
    queue_.Defer(row.queued);
    return nullptr;
  }
  if (may_pass && job_.may_reject &&
      !job_.may_reject(
          {.shard = row.queued.shard, .task = row.task, .error = error})) {
    open_shards_.at(row.queued.shard).is_doubtful = true;
    return FinishRow(row);
  }
  const Result<void> rejected = row.shard->Reject(row.task, error);
  if (!rejected.ok()) {
    Fail(rejected.error());
    return nullptr;
  }
  ++num_rejected_;
  ++job_.control->lines_rejected;
  return FinishRow(row);
}

std::unique_ptr<OpenShard> RowDispatcher::TakeBack(
    const DispatchedRow& row, const Result<void>& outcome) {
  const std::lock_guard lock(mutex_);
  ++num_taken_back_;
  if (fault_) return nullptr;
  if (outcome.ok()) {
    unreadable_files_.AddRead(row.task);
    ++num_stored_;
    return FinishRow(row);
  }
  const Error& error = outcome.error();
  if (error.code.is_reject()) return RetryOrReject(row, error);
  if (error.code == ErrorCode::kStopped) {
    queue_.GiveUp(row.queued);
  } else {
    Fail(error);
  }
  return nullptr;
}

void RowDispatcher::Forget(size_t shard) {
  const std::lock_guard lock(mutex_);
  queue_.Forget(shard);
}

void RowDispatcher::Fail(const Error& fault) {
  if (!fault_) fault_ = fault;
}

}  // namespace melmill
