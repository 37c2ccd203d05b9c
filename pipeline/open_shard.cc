#include "pipeline/open_shard.h"

#include <fmt/format.h>

#include <utility>

#include "io/hash.h"
#include "pipeline/plan_row.h"
#include "pipeline/row_watch.h"

namespace melmill {

namespace {

Hash128 HashSource(const PlanRow& row, Hasher128* hasher) {
  hasher->Reset();
  HashRowSource(row, hasher);
  return hasher->Digest();
}

}  // namespace

Result<std::vector<RecordTask>> LoadRecordTasks(const Plan& plan,
                                                const PlannedShard& shard,
                                                const Quarantine& quarantine) {
  std::vector<RecordTask> tasks;
  tasks.reserve(static_cast<size_t>(shard.num_rows));
  Hasher128 hasher;
  uint64_t start = 0;
  const Result<void> visited = ForEachPlanRow(
      *plan.rows, shard.first_row, shard.end_row,
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
            .source_hash = HashSource(row, &hasher),
        });
        const auto found = quarantine.find(tasks.back().source_hash);
        if (found != quarantine.end()) {
          tasks.back().quarantine_signal = found->second;
        }
        start += static_cast<uint64_t>(row.num_frames);
        return {};
      });
  if (!visited.ok()) return visited.error();
  return tasks;
}

OpenShard::OpenShard(size_t index, std::optional<uint64_t> expected_checksum,
                     std::vector<RecordTask> records, ShardWriter writer)
    : index_(index),
      expected_checksum_(expected_checksum),
      records_(std::move(records)),
      num_records_(records_.size()),
      first_path_(records_.empty() ? "" : records_.front().path),
      writer_(std::move(writer)) {}

Result<std::unique_ptr<OpenShard>> OpenShard::Create(
    const Plan& plan, size_t index, const std::string& folder,
    const Quarantine& quarantine) {
  const PlannedShard& shard = plan.shards[index];
  Result<std::vector<RecordTask>> records =
      LoadRecordTasks(plan, shard, quarantine);
  if (!records.ok()) return records.error();
  Result<ShardWriter> writer = ShardWriter::Create(
      folder + '/' + plan.ShardFileName(shard), plan.MakeShardSpec(shard));
  if (!writer.ok()) return writer.error();
  return std::unique_ptr<OpenShard>(
      new OpenShard(index, shard.expected_checksum, std::move(records).value(),
                    std::move(writer).value()));
}

// The place of one record in the file.
class OpenShard::Slot : public FeatureSink {
 public:
  Slot(uint64_t start, ShardWriter* writer) : start_(start), writer_(*writer) {}

  Result<void> Write(uint64_t offset_bytes,
                     std::span<const std::byte> features) override {
    const DeviceWait device_wait;
    return writer_.WriteFeatures(start_, offset_bytes, features);
  }
  Result<void> Read(uint64_t offset_bytes,
                    std::span<std::byte> features) override {
    const DeviceWait device_wait;
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
  if (MayBeMachineFault(error.code)) ++num_unreadable_;
  return writer_.SkipRow(task.row, MakeRejectedRow(task, LastingError(error)),
                         static_cast<uint64_t>(task.num_frames));
}

void OpenShard::ReleaseRecords() { std::vector<RecordTask>().swap(records_); }

Result<ShardWriter::Committed> OpenShard::Commit() {
  if (num_records_ > 1 && num_unreadable_ == num_records_) {
    return Error{ErrorCode::kMachineFault,
                 fmt::format("none of the {} files of a shard can be read, "
                             "the first of them {}",
                             num_records_, first_path_)};
  }
  return writer_.Commit(expected_checksum_);
}

}  // namespace melmill
