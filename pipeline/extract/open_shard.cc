#include "pipeline/extract/open_shard.h"

#include <fmt/format.h>

#include <utility>

#include "pipeline/row/feature_sink.h"
#include "pipeline/row/reject_rules.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_list.h"
#include "pipeline/row/row_marks.h"
#include "pipeline/row/row_task.h"

namespace melmill {
namespace {

std::optional<Replacement> ReplacementOf(const ExtractJob& job, size_t shard) {
  const auto found = job.replacements.find(shard);
  if (found == job.replacements.end()) return {};
  return found->second;
}

// The file of a shard. One that replaces another has peaks only if that has
// them, which its size tells.
Result<ShardWriter> CreateWriter(const ExtractJob& job, size_t index) {
  const PlannedShard& shard = job.work.plan.shards[index];
  const std::string path =
      job.folder + '/' + job.work.plan.ShardFileName(shard);
  ShardSpec spec = job.work.SpecOf(shard);
  const std::optional<Replacement> replacement = ReplacementOf(job, index);
  {
    Result<ShardWriter> writer = ShardWriter::Create(path, spec);
    if (!writer.ok() || !replacement ||
        writer.value().num_bytes() == replacement->num_bytes) {
      return writer;
    }
  }
  spec.has_peaks = false;
  return ShardWriter::Create(path, spec);
}

}  // namespace

OpenShard::OpenShard(const ExtractJob& job, size_t index, RowList rows,
                     ShardWriter writer)
    : index_(index),
      fingerprint_(job.work.plan.shards[index].fingerprint),
      replacement_(ReplacementOf(job, index)),
      rows_(std::move(rows)),
      num_rows_(rows_.size()),
      first_path_(rows_[0].path),
      writer_(std::move(writer)),
      facts_(num_rows_) {}

Result<std::unique_ptr<OpenShard>> OpenShard::Create(const ExtractJob& job,
                                                     size_t index,
                                                     WorkPermit* permit) {
  const PlannedWork& work = job.work;
  const PlannedShard& shard = work.plan.shards[index];
  Result<RowList> rows = RowList::Load(work, shard, job.quarantine, permit);
  if (!rows.ok()) return rows.error();
  Result<ShardWriter> writer = CreateWriter(job, index);
  if (!writer.ok()) return writer.error();
  return std::unique_ptr<OpenShard>(new OpenShard(
      job, index, std::move(rows).value(), std::move(writer).value()));
}

// One row's place in the file.
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

Result<void> OpenShard::ComputeAndStore(const RowTask& task,
                                        const RowComputer& processor,
                                        RowInput* input,
                                        RowWorkspace* workspace) {
  Slot slot(task.start, &writer_);
  const Result<ShardRow> computed =
      processor.ComputeRow(task, input, &slot, workspace);
  if (!computed.ok()) return computed.error();
  facts_[task.row] = input->facts();
  const StageTimer timer(&workspace->times, Stage::kStore);
  return writer_.FinishRow(task.row, computed.value(),
                           workspace->tail_samples());
}

Result<void> OpenShard::Reject(const RowTask& task, const Error& error) {
  if (MayBeMachineFault(error.code)) {
    ++num_unreadable_;
    if (task.path != first_path_) are_several_unreadable_ = true;
  }
  return writer_.SkipRow(task.row, MakeRejectedRow(task, LastingError(error)),
                         static_cast<uint64_t>(task.source.num_frames));
}

Result<ShardWriter::Committed> OpenShard::Commit(LocalFile* local) {
  if (are_several_unreadable_ && num_unreadable_ == num_rows_) {
    return Error{ErrorCode::kMachineFault,
                 fmt::format("none of the files of a shard of {} rows can be "
                             "read, the first of them {}",
                             num_rows_, first_path_)};
  }
  const Result<ShardWriter::Committed> committed =
      replacement_
          ? writer_.Commit(replacement_->checksum, replacement_->damaged)
          : writer_.Commit();
  if (!committed.ok() || local == nullptr) return committed;
  const Result<void> told =
      local->Append({fingerprint_, committed.value().checksum}, facts_);
  if (!told.ok()) return told.error();
  return committed;
}

}  // namespace melmill
