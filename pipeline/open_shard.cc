#include "pipeline/open_shard.h"

#include <utility>

#include "pipeline/plan_row.h"

namespace melmill {

Result<std::vector<RecordTask>> LoadRecordTasks(const Plan& plan,
                                                const PlannedShard& shard) {
  std::vector<RecordTask> tasks;
  tasks.reserve(static_cast<size_t>(shard.num_rows));
  uint64_t start = 0;
  const Result<void> visited =
      ForEachPlanRow(*plan.rows, shard.first_row, shard.end_row,
                     plan.config.kept_fields.size(),
                     [&](uint64_t, const PlanRow& row) -> Result<void> {
                       if (!row.is_planned()) return {};
                       tasks.push_back({
                           .row = tasks.size(),
                           .line = row.line,
                           .audio = row.audio,
                           .path = ResolveAudioPath(plan.config, row.audio),
                           .file_bytes = row.file_bytes,
                           .header = row.header,
                           .num_samples = row.num_samples,
                           .num_frames = row.num_frames,
                           .start = start,
                       });
                       start += static_cast<uint64_t>(row.num_frames);
                       return {};
                     });
  if (!visited.ok()) return visited.error();
  return tasks;
}

OpenShard::OpenShard(size_t index, std::vector<RecordTask> records,
                     ShardWriter writer)
    : index_(index), records_(std::move(records)), writer_(std::move(writer)) {}

Result<std::unique_ptr<OpenShard>> OpenShard::Create(
    const Plan& plan, size_t index, const std::string& folder) {
  const PlannedShard& shard = plan.shards[index];
  Result<std::vector<RecordTask>> records = LoadRecordTasks(plan, shard);
  if (!records.ok()) return records.error();
  Result<ShardWriter> writer = ShardWriter::Create(
      folder + '/' + plan.ShardFileName(shard), plan.MakeShardSpec(shard));
  if (!writer.ok()) return writer.error();
  return std::unique_ptr<OpenShard>(new OpenShard(
      index, std::move(records).value(), std::move(writer).value()));
}

// The place of one record in the file.
class OpenShard::Slot : public FeatureSink {
 public:
  Slot(uint64_t start, ShardWriter* writer) : start_(start), writer_(*writer) {}

  Result<void> Write(uint64_t offset_bytes,
                     std::span<const std::byte> features) override {
    return writer_.WriteFeatures(start_, offset_bytes, features);
  }
  Result<void> Read(uint64_t offset_bytes,
                    std::span<std::byte> features) override {
    return writer_.ReadFeatures(start_, offset_bytes, features);
  }

 private:
  uint64_t start_;
  ShardWriter& writer_;
};

Result<void> OpenShard::Finish(size_t record, const Result<ShardRow>& row,
                               RecordWorkspace* workspace) {
  if (!row.ok()) return row.error();
  const StageTimer timer(&workspace->times, Stage::kStore);
  return writer_.FinishRow(records_[record].row, row.value(),
                           workspace->tail_samples());
}

Result<void> OpenShard::ComputeAndStore(size_t record,
                                        const RecordProcessor& processor,
                                        RecordInput* input,
                                        RecordWorkspace* workspace) {
  const RecordTask& task = records_[record];
  Slot slot(task.start, &writer_);
  return Finish(record, processor.ComputeRecord(task, input, &slot, workspace),
                workspace);
}

Result<void> OpenShard::TryAndStore(size_t record,
                                    const RecordProcessor& processor,
                                    RecordInput* input,
                                    RecordWorkspace* workspace) {
  const RecordTask& task = records_[record];
  Slot slot(task.start, &writer_);
  return Finish(record, TryRecord(task, processor, input, &slot, workspace),
                workspace);
}

Result<void> OpenShard::Reject(size_t record, const Error& error) {
  const RecordTask& task = records_[record];
  return writer_.SkipRow(task.row, MakeRejectedRow(task, LastingError(error)),
                         static_cast<uint64_t>(task.num_frames));
}

Result<ShardWriter::Committed> OpenShard::Commit() { return writer_.Commit(); }

}  // namespace melmill
