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

void RecordList::Add(const PlanRow& row, const Hash128& source_hash) {
  const uint64_t start =
      records_.empty() ? 0
                       : records_.back().start +
                             static_cast<uint64_t>(records_.back().num_frames);
  audio_.insert(audio_.end(), row.audio.begin(), row.audio.end());
  records_.push_back({.line = row.line,
                      .file_bytes = row.file_bytes,
                      .header = row.header,
                      .num_samples = row.num_samples,
                      .num_frames = row.num_frames,
                      .start = start,
                      .source_hash = source_hash,
                      .audio_end = audio_.size()});
}

Result<RecordList> RecordList::Load(const Plan& plan, const PlannedShard& shard,
                                    const Quarantine& quarantine,
                                    WorkPermit* permit) {
  RecordList list(plan.config, quarantine, permit);
  list.records_.reserve(static_cast<size_t>(shard.num_rows));
  Hasher128 hasher;
  const Result<void> visited =
      ForEachPlanRow(*plan.rows, shard.first_row, shard.end_row,
                     plan.config.kept_fields.size(),
                     [&](uint64_t, const PlanRow& row) -> Result<void> {
                       if (row.is_planned())
                         list.Add(row, HashSource(row, &hasher));
                       return {};
                     });
  if (!visited.ok()) return visited.error();
  list.audio_.shrink_to_fit();
  return list;
}

RecordTask RecordList::operator[](size_t record) const {
  const Record& found = records_[record];
  const uint64_t begin = record == 0 ? 0 : records_[record - 1].audio_end;
  std::string audio(audio_.data() + begin, found.audio_end - begin);
  std::string path = ResolveAudioPath(*config_, audio);
  RecordTask task = {.row = record,
                     .line = found.line,
                     .audio = std::move(audio),
                     .path = std::move(path),
                     .file_bytes = found.file_bytes,
                     .header = found.header,
                     .num_samples = found.num_samples,
                     .num_frames = found.num_frames,
                     .start = found.start,
                     .source_hash = found.source_hash,
                     .permit = permit_};
  const auto ended = quarantine_.find(found.source_hash);
  if (ended != quarantine_.end()) task.quarantine_signal = ended->second;
  return task;
}

void RecordList::Clear() {
  std::vector<Record>().swap(records_);
  std::vector<char>().swap(audio_);
}

OpenShard::OpenShard(size_t index, const PlannedShard& shard,
                     RecordList records, ShardWriter writer)
    : index_(index),
      expected_checksum_(shard.expected_checksum),
      replaced_(shard.replaced),
      records_(std::move(records)),
      num_records_(records_.size()),
      first_path_(num_records_ == 0 ? "" : records_[0].path),
      writer_(std::move(writer)) {}

Result<std::unique_ptr<OpenShard>> OpenShard::Create(
    const Plan& plan, size_t index, const std::string& folder,
    const Quarantine& quarantine, WorkPermit* permit) {
  const PlannedShard& shard = plan.shards[index];
  Result<RecordList> records =
      RecordList::Load(plan, shard, quarantine, permit);
  if (!records.ok()) return records.error();
  Result<ShardWriter> writer = ShardWriter::Create(
      folder + '/' + plan.ShardFileName(shard), plan.MakeShardSpec(shard));
  if (!writer.ok()) return writer.error();
  return std::unique_ptr<OpenShard>(new OpenShard(
      index, shard, std::move(records).value(), std::move(writer).value()));
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
  return writer_.FinishRow(record, row.value(), workspace->tail_samples());
}

Result<void> OpenShard::ComputeAndStore(size_t record,
                                        const RecordProcessor& processor,
                                        RecordInput* input,
                                        RecordWorkspace* workspace) {
  const RecordTask task = records_[record];
  Slot slot(task.start, &writer_);
  return Finish(record, processor.ComputeRecord(task, input, &slot, workspace),
                workspace);
}

Result<void> OpenShard::TryAndStore(size_t record,
                                    const RecordProcessor& processor,
                                    RecordInput* input,
                                    RecordWorkspace* workspace) {
  const RecordTask task = records_[record];
  Slot slot(task.start, &writer_);
  return Finish(record, TryRecord(task, processor, input, &slot, workspace),
                workspace);
}

Result<void> OpenShard::Reject(size_t record, const Error& error) {
  const RecordTask task = records_[record];
  if (MayBeMachineFault(error.code)) ++num_unreadable_;
  return writer_.SkipRow(task.row, MakeRejectedRow(task, LastingError(error)),
                         static_cast<uint64_t>(task.num_frames));
}

Result<ShardWriter::Committed> OpenShard::Commit() {
  if (num_records_ > 1 && num_unreadable_ == num_records_) {
    return Error{ErrorCode::kMachineFault,
                 fmt::format("none of the {} files of a shard can be read, "
                             "the first of them {}",
                             num_records_, first_path_)};
  }
  return writer_.Commit(expected_checksum_, replaced_);
}

}  // namespace melmill
