#include "pipeline/extract/committer.h"

#include <cerrno>
#include <functional>
#include <utility>

#include "pipeline/extract/catch_all.h"
#include "pipeline/setup/stopwatch.h"

namespace melmill {

void Committer::Submit(std::unique_ptr<OpenShard> shard) {
  shard->ReleaseRows();
  // std::function must be copyable, hence the shared_ptr.
  std::function<void()> commit =
      [this, shared = std::shared_ptr<OpenShard>(std::move(shard))] {
        Commit(shared.get());
      };
  std::unique_lock lock(mutex_);
  changed_.wait(lock,
                [this] { return num_uncommitted_ < kMaxUncommittedShards; });
  // Counted last, so that a shard whose job found no memory is never waited
  // for.
  thread_.Submit(std::move(commit));
  ++num_uncommitted_;
}

void Committer::Commit(OpenShard* shard) {
  const Stopwatch stopwatch;
  std::optional<Result<ShardWriter::Committed>> result;
  if (!control_.grace_is_over()) {
    result = CatchAll([&] { return shard->Commit(local_); });
  }
  {
    const std::lock_guard lock(mutex_);
    seconds_ += stopwatch.seconds();
    --num_uncommitted_;
    if (result && result->ok()) ++control_.shards_made;
    const Result<void> noted = CatchAll([&]() -> Result<void> {
      ended_.push_back(shard->index());
      if (result && !result->ok()) {
        if (result->error().detail == EEXIST) {
          disputed_.emplace(shard->index(), result->error());
        }
        return result->error();
      }
      if (result) committed_[shard->index()] = result->value();
      return {};
    });
    if (!noted.ok() && !fault_) fault_ = noted.error();
  }
  changed_.notify_all();
}

std::optional<Error> Committer::fault() const {
  const std::lock_guard lock(mutex_);
  return fault_;
}

std::vector<size_t> Committer::TakeEnded(bool may_wait) {
  std::unique_lock lock(mutex_);
  if (may_wait) {
    changed_.wait(lock,
                  [this] { return !ended_.empty() || num_uncommitted_ == 0; });
  }
  return std::exchange(ended_, {});
}

std::map<size_t, ShardWriter::Committed> Committer::Finish() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return num_uncommitted_ == 0; });
  return std::move(committed_);
}

}  // namespace melmill
