#include <memory>
#include <utility>

#include "pipeline/extract/extract.h"
#include "pipeline/extract/open_shard.h"
#include "pipeline/extract/unreadable_files.h"
#include "pipeline/row/reject_rules.h"
#include "pipeline/row/row_task.h"
#include "pipeline/row/work_permit.h"

namespace melmill {
namespace {

class SerialExtractor {
 public:
  explicit SerialExtractor(const ExtractJob& job)
      : job_(job), workspace_(job.processor), unreadable_files_(job.work) {}

  ExtractOutcome Run() {
    for (const size_t shard : job_.shards) {
      const Result<void> made = MakeShard(shard);
      if (!made.ok() && made.error().code != ErrorCode::kStopped) {
        outcome_.fault = made.error();
      }
      if (outcome_.fault || job_.control->stop_requested()) break;
    }
    return std::move(outcome_);
  }

 private:
  Result<void> MakeShard(size_t index);
  Result<void> MakeRow(OpenShard* shard, size_t row);

  const ExtractJob& job_;
  RowInput input_;
  RowWorkspace workspace_;
  UnreadableFiles unreadable_files_;
  ExtractOutcome outcome_;
};

Result<void> SerialExtractor::MakeRow(OpenShard* shard, size_t row) {
  const RowTask task = shard->rows()[row];
  const Result<void> stored =
      shard->TryAndStore(row, job_.processor, &input_, &workspace_);
  if (stored.ok()) {
    unreadable_files_.AddRead(task);
    ++outcome_.num_stored;
    return {};
  }
  const Error& error = stored.error();
  if (error.code == ErrorCode::kMachineFault ||
      error.code == ErrorCode::kStopped) {
    return error;
  }
  if (MayBeMachineFault(error.code)) {
    Result<void> may_go_on = unreadable_files_.AddFailure(task, error);
    if (may_go_on.ok()) {
      may_go_on = unreadable_files_.CheckMayReject(task, error);
    }
    if (!may_go_on.ok()) return may_go_on;
  }
  ++outcome_.num_rejected;
  return shard->Reject(row, error);
}

Result<void> SerialExtractor::MakeShard(size_t index) {
  WorkPermit permit(*job_.control);
  auto shard = OpenShard::Create(job_, index, &permit);
  if (!shard.ok()) return shard.error();
  for (size_t i = 0; i < shard.value()->rows().size(); ++i) {
    const Result<void> made = MakeRow(shard.value().get(), i);
    if (!made.ok()) return made;
  }
  const Result<ShardWriter::Committed> committed =
      shard.value()->Commit(job_.local);
  if (!committed.ok()) return committed.error();
  outcome_.committed[index] = committed.value();
  ++job_.control->shards_made;
  return {};
}

}  // namespace

ExtractOutcome ExtractSerial(const ExtractJob& job) {
  return SerialExtractor(job).Run();
}

}  // namespace melmill
