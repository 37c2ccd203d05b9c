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

// Commits shards on a thread of its own. One thread at a time may call.
class Committer {
 public:
  // The maximum number of complete shards that wait for fsync.
  static constexpr int kMaxUncommittedShards = 4;

  Committer(RunControl* control, LocalFile* local)
      : control_(*control), local_(local) {}

  // Waits while kMaxUncommittedShards shards are being committed.
  void Submit(std::unique_ptr<OpenShard> shard);

  std::optional<Error> fault() const;
  // Returns the shards that were committed, or failed to be, since the last
  // call. With may_wait, waits for one if there is none yet and a commit is
  // under way.
  std::vector<size_t> TakeEnded(bool may_wait);
  // Waits for all commits and returns their results.
  std::map<size_t, ShardWriter::Committed> Finish();
  // Call these after Finish.
  double seconds() const { return seconds_; }
  const std::map<size_t, Error>& disputed() const { return disputed_; }

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
  std::map<size_t, Error> disputed_;  // see ExtractOutcome
  double seconds_ = 0;
  ThreadPool thread_{1};
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_EXTRACT_COMMITTER_H_
