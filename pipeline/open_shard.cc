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

Result<void> OpenShard::Store(size_t record, const ShardRow& row,
                              const RecordWorkspace& workspace) {
  return writer_.WriteRow(records_[record].row, row, workspace.features(),
                          workspace.tail_samples());
}

void OpenShard::Reject(size_t record, const Error& error) {
  const RecordTask& task = records_[record];
  writer_.SkipRow(task.row, MakeRejectedRow(task, LastingError(error)));
}

Result<ShardWriter::Committed> OpenShard::Commit() { return writer_.Commit(); }

}  // namespace melmill
