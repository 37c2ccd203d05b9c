#include <memory>
#include <utility>

#include "pipeline/extract/extract.h"
#include "pipeline/extract/row_dispatcher.h"

namespace melmill {
namespace {

class SerialExtractor {
 public:
  explicit SerialExtractor(const ExtractJob& job)
      : job_(job), workspace_(job.processor), dispatcher_(job, 0) {}

  ExtractOutcome Run() {
    while (const std::optional<DispatchedRow> row = dispatcher_.Next()) {
      auto whole_shard = dispatcher_.TakeBack(*row, Make(*row));
      if (whole_shard) Commit(std::move(whole_shard));
    }
    outcome_.num_stored = dispatcher_.num_stored();
    outcome_.num_rejected = dispatcher_.num_rejected();
    outcome_.num_dropped = dispatcher_.num_dropped();
    outcome_.fault = dispatcher_.fault();
    return std::move(outcome_);
  }

 private:
  Result<void> Make(const DispatchedRow& row);
  void Commit(std::unique_ptr<OpenShard> shard);

  const ExtractJob& job_;
  RowInput input_;
  RowWorkspace workspace_;
  RowDispatcher dispatcher_;
  ExtractOutcome outcome_;
};

Result<void> SerialExtractor::Make(const DispatchedRow& row) {
  const Result<bool> read = job_.processor.ReadRow(row.task, true, &input_);
  if (!read.ok()) return read.error();
  return row.shard->ComputeAndStore(row.task, job_.processor, &input_,
                                    &workspace_);
}

void SerialExtractor::Commit(std::unique_ptr<OpenShard> shard) {
  const Result<ShardWriter::Committed> committed = shard->Commit(job_.local);
  if (!committed.ok()) {
    dispatcher_.Fail(committed.error());
    return;
  }
  outcome_.committed[shard->index()] = committed.value();
  ++job_.control->shards_made;
  dispatcher_.Forget(shard->index());
}

}  // namespace

ExtractOutcome ExtractSerial(const ExtractJob& job) {
  return SerialExtractor(job).Run();
}

}  // namespace melmill
