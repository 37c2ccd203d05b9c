#ifndef MELMILL_PIPELINE_EXTRACT_COMMITTER_H_
#define MELMILL_PIPELINE_EXTRACT_COMMITTER_H_

#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "io/result.h"
#include "pipeline/extract/open_shard.h"
#include "pipeline/extract/thread_pool.h"
#include "pipeline/setup/run_control.h"
#include "store/local_file.h"
#include "store/shard/shard_writer.h"

namespace melmill {

// Commits shards on a thread of its own. For one thread at a time.
class Committer {
 public:
  // Whole shards waiting for fsync; Submit waits beyond that.
  static constexpr int kMaxUncommittedShards = 4;

  Committer(RunControl* control, LocalFile* local)
      : control_(*control), local_(local) {}

  // Waits while kMaxUncommittedShards are under way.
  void Submit(std::unique_ptr<OpenShard> shard);

  std::optional<Error> fault() const;
  // The shards that have become committed, or will not be, since the last
  // call; if none has and one is under way, waits for it.
  std::vector<size_t> TakeEnded(bool may_wait);
  // Waits for all; then the results.
  std::map<size_t, ShardWriter::Committed> Finish();
  // After Finish.
  double seconds() const { return seconds_; }

 private:
  void Commit(OpenShard* shard);

  RunControl& control_;
  LocalFile* local_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int num_uncommitted_ = 0;
  std::vector<size_t> ended_;
  std::optional<Error> fault_;
  std::map<size_t, ShardWriter::Committed> committed_;
  double seconds_ = 0;
  ThreadPool thread_{1};
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_EXTRACT_COMMITTER_H_
