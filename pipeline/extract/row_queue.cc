#include "pipeline/extract/row_queue.h"

#include <algorithm>
#include <cassert>

namespace melmill {

std::vector<size_t> ShardsToComplete(std::vector<ShardRest> rests,
                                     double frames_per_second, double seconds,
                                     int num_threads) {
  std::sort(rests.begin(), rests.end(),
            [](const ShardRest& a, const ShardRest& b) {
              return a.num_frames < b.num_frames;
            });
  std::vector<size_t> chosen;
  uint64_t num_frames = 0;  // frames of the chosen shards
  for (const ShardRest& rest : rests) {
    const auto all_threads = static_cast<double>(num_threads);
    const double threads =
        std::min(static_cast<double>(rest.num_rows), all_threads);
    const double alone = static_cast<double>(rest.num_frames) * all_threads;
    const auto together = static_cast<double>(num_frames + rest.num_frames);
    const double can_be_made = frames_per_second * seconds;
    if (alone > can_be_made * threads || together > can_be_made) continue;
    num_frames += rest.num_frames;
    chosen.push_back(rest.shard);
  }
  return chosen;
}

Result<void> RowQueue::OpenNextShard() {
  const size_t index = unopened_.front();
  unopened_.pop_front();
  const Result<RowSource::ShardSize> size = source_.Open(index);
  if (!size.ok()) return size.error();
  assert(size.value().num_rows > 0);
  shards_[index] = {.size = size.value(),
                    .num_unsettled = size.value().num_rows};
  filling_ = index;
  return {};
}

bool RowQueue::FitsMemory(const QueuedRow& row) const {
  return num_given_out_ == 0 ||
         bytes_given_out_ + row.num_bytes <= limits_.max_bytes;
}

bool RowQueue::MayBeLost(uint64_t num_frames) {
  if (lost_frames_ + num_frames <= limits_.max_lost_frames + further_frames_) {
    return true;
  }
  if (further_rows_.size() == limits_.num_further_rows) {
    waits_for_commit_ = true;
    return false;
  }
  further_rows_.push_back(num_frames);
  further_frames_ += num_frames;
  return true;
}

void RowQueue::StopCounting(Shard* shard) {
  lost_frames_ -= shard->lost_frames;
  shard->lost_frames = 0;
  while (!further_rows_.empty() &&
         lost_frames_ + further_rows_.front() <=
             limits_.max_lost_frames + further_frames_) {
    further_frames_ -= further_rows_.front();
    further_rows_.pop_front();
  }
}

QueuedRow RowQueue::GiveOut(const QueuedRow& row) {
  ++num_given_out_;
  bytes_given_out_ += row.num_bytes;
  return row;
}

void RowQueue::TakeBack(const QueuedRow& row) {
  assert(num_given_out_ > 0);
  --num_given_out_;
  bytes_given_out_ -= row.num_bytes;
}

std::optional<QueuedRow> RowQueue::NextFresh() {
  Shard& shard = shards_.at(*filling_);
  const RowSource::RowSize size = source_.SizeOf(*filling_, shard.next_row);
  const QueuedRow row = {.shard = *filling_,
                         .row = shard.next_row,
                         .num_frames = size.num_frames,
                         .num_bytes = size.num_bytes};
  if (!FitsMemory(row)) return {};
  if (!shard.waits_for_retry) {
    if (!MayBeLost(row.num_frames)) return {};
    shard.lost_frames += row.num_frames;
    lost_frames_ += row.num_frames;
  }
  if (++shard.next_row == shard.size.num_rows) filling_.reset();
  return GiveOut(row);
}

std::optional<QueuedRow> RowQueue::NextDeferred() {
  if (deferred_.empty() || !FitsMemory(deferred_.front())) return {};
  const QueuedRow row = deferred_.front();
  deferred_.pop_front();
  return GiveOut(row);
}

Result<std::optional<QueuedRow>> RowQueue::Next() {
  waits_for_commit_ = false;
  if (!filling_ && !unopened_.empty() &&
      num_waiting_shards_ < kMaxWaitingShards) {
    const Result<void> opened = OpenNextShard();
    if (!opened.ok()) return opened.error();
  }
  return filling_ ? NextFresh() : NextDeferred();
}

bool RowQueue::Settle(const QueuedRow& row) {
  TakeBack(row);
  Shard& shard = shards_.at(row.shard);
  if (--shard.num_unsettled > 0) return false;
  if (shard.waits_for_retry) --num_waiting_shards_;
  return true;
}

void RowQueue::Defer(const QueuedRow& row) {
  TakeBack(row);
  if (!IsWanted(row.shard)) return;
  Shard& shard = shards_.at(row.shard);
  if (!shard.waits_for_retry) ++num_waiting_shards_;
  shard.waits_for_retry = true;
  StopCounting(&shard);
  deferred_.push_back(row);
  ++deferred_.back().attempt;
}

void RowQueue::GiveUp(const QueuedRow& row) { TakeBack(row); }

void RowQueue::Forget(size_t shard) {
  const auto found = shards_.find(shard);
  if (found == shards_.end()) return;
  StopCounting(&found->second);
  shards_.erase(found);
}

void RowQueue::Stop(const std::vector<size_t>& kept) {
  kept_.emplace(kept.begin(), kept.end());
  unopened_.clear();
  if (filling_ && !IsWanted(*filling_)) filling_.reset();
  for (auto& [index, shard] : shards_) {
    if (shard.num_unsettled > 0 && !IsWanted(index)) StopCounting(&shard);
  }
  std::erase_if(deferred_,
                [this](const QueuedRow& row) { return !IsWanted(row.shard); });
}

std::vector<ShardRest> RowQueue::Rests(
    const std::function<uint64_t(size_t shard)>& computed_frames) const {
  std::vector<ShardRest> rests;
  for (const auto& [index, shard] : shards_) {
    if (shard.num_unsettled == 0) continue;  // on its way to the disk
    const uint64_t all = shard.size.num_frames;
    rests.push_back(
        {.shard = index,
         .num_rows = shard.num_unsettled,
         .num_frames = all - std::min(all, computed_frames(index))});
  }
  return rests;
}

}  // namespace melmill
