#include "pipeline/extract/open_shard.h"

#include <fmt/format.h>

#include <utility>

#include "dsp/resample/resampler.h"
#include "io/hash.h"
#include "pipeline/row/row_marks.h"
#include "pipeline/row/row_watch.h"
#include "store/plan/plan_row.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

// Whether planning can have made these numbers.
bool IsPossible(const WavHeader& header, uint64_t file_bytes) {
  if (header.encoding < SampleEncoding::kPcmU8 ||
      header.encoding > SampleEncoding::kALaw ||
      header.sample_rate_hz < kMinSampleRateHz ||
      header.sample_rate_hz > kMaxSampleRateHz || header.num_channels < 1 ||
      header.num_channels > kMaxNumChannels || header.num_samples < 1) {
    return false;
  }
  const auto group_bytes =
      static_cast<uint64_t>(header.bytes_per_sample_group());
  return header.data_offset <= file_bytes &&
         header.data_bytes <= file_bytes - header.data_offset &&
         header.data_bytes % group_bytes == 0 &&
         header.data_bytes / group_bytes ==
             static_cast<uint64_t>(header.num_samples);
}

bool IsPossible(const Plan& plan, const PlanRow& row) {
  if (!IsPossible(row.header, row.file_bytes)) return false;
  const LogMelOptions& log_mel = plan.preset().log_mel;
  const int64_t length =
      ResampledLength(row.header.num_samples, row.header.sample_rate_hz,
                      log_mel.mel.sample_rate_hz);
  const int64_t longest = plan.preset().max_num_samples;
  // A clip may have been cut at the preset's longest length, no shorter.
  return (row.num_samples == length ||
          (row.num_samples == longest && longest < length)) &&
         row.num_samples >= MinNumSamples(log_mel) &&
         row.num_frames == NumFrames(log_mel, row.num_samples);
}

Error Contradiction(const std::string& what) {
  return {ErrorCode::kBadHeader,
          fmt::format("{} contradicts itself: {}", kPlanFile, what)};
}

}  // namespace

Result<void> RecordList::Add(const Plan& plan, const PlannedShard& shard,
                             const PlanRow& row, Hasher128* hasher) {
  if (row.split != shard.split || !IsPossible(plan, row)) {
    return Contradiction(fmt::format("line {} is impossible", row.line));
  }
  if (records_.size() == shard.num_rows ||
      static_cast<uint64_t>(row.num_frames) > shard.num_frames - num_frames_) {
    return Contradiction("a shard has more rows or frames than it says");
  }
  hasher->Reset();
  HashRowSource(row, hasher);
  audio_.insert(audio_.end(), row.audio.begin(), row.audio.end());
  records_.push_back({.line = row.line,
                      .file_bytes = row.file_bytes,
                      .header = row.header,
                      .num_samples = row.num_samples,
                      .num_frames = row.num_frames,
                      .start = num_frames_,
                      .source_hash = hasher->Digest(),
                      .audio_end = audio_.size()});
  num_frames_ += static_cast<uint64_t>(row.num_frames);
  return {};
}

Result<RecordList> RecordList::Load(const Plan& plan, const PlannedShard& shard,
                                    const Quarantine& quarantine,
                                    WorkPermit* permit) {
  RecordList list(plan.config, quarantine, permit);
  list.records_.reserve(static_cast<size_t>(shard.num_rows));
  Hasher128 hasher;
  const Result<void> visited = ForEachPlanRow(
      *plan.rows, shard.first_row, shard.end_row,
      plan.config.input.kept_fields.size(),
      [&](uint64_t, const PlanRow& row) -> Result<void> {
        return row.is_planned() ? list.Add(plan, shard, row, &hasher)
                                : Result<void>();
      });
  if (!visited.ok()) return visited.error();
  if (list.size() == 0 || list.size() != shard.num_rows ||
      list.num_frames_ != shard.num_frames) {
    return Contradiction("a shard has fewer rows or frames than it says");
  }
  list.audio_.shrink_to_fit();
  return list;
}

RecordTask RecordList::operator[](size_t record) const {
  const Record& found = records_[record];
  const uint64_t begin = record == 0 ? 0 : records_[record - 1].audio_end;
  std::string audio(audio_.data() + begin, found.audio_end - begin);
  std::string path = ResolveAudioPath(config_->input.audio_root, audio);
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
      fingerprint_(shard.fingerprint),
      expected_checksum_(shard.expected_checksum),
      replaced_(shard.replaced),
      records_(std::move(records)),
      num_records_(records_.size()),
      first_path_(records_[0].path),
      writer_(std::move(writer)),
      facts_(num_records_) {}

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
                               const RecordInput& input,
                               RecordWorkspace* workspace) {
  if (!row.ok()) return row.error();
  facts_[record] = input.facts();
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
                *input, workspace);
}

Result<void> OpenShard::TryAndStore(size_t record,
                                    const RecordProcessor& processor,
                                    RecordInput* input,
                                    RecordWorkspace* workspace) {
  const RecordTask task = records_[record];
  Slot slot(task.start, &writer_);
  return Finish(record, TryRecord(task, processor, input, &slot, workspace),
                *input, workspace);
}

Result<void> OpenShard::Reject(size_t record, const Error& error) {
  const RecordTask task = records_[record];
  if (MayBeMachineFault(error.code)) ++num_unreadable_;
  return writer_.SkipRow(task.row, MakeRejectedRow(task, LastingError(error)),
                         static_cast<uint64_t>(task.num_frames));
}

Result<ShardWriter::Committed> OpenShard::Commit(LocalFile* local) {
  if (num_records_ > 1 && num_unreadable_ == num_records_) {
    return Error{ErrorCode::kMachineFault,
                 fmt::format("none of the {} files of a shard can be read, "
                             "the first of them {}",
                             num_records_, first_path_)};
  }
  const Result<ShardWriter::Committed> committed =
      writer_.Commit(expected_checksum_, replaced_);
  if (!committed.ok() || local == nullptr) return committed;
  const Result<void> told =
      local->Append({fingerprint_, committed.value().checksum}, facts_);
  if (!told.ok()) return told.error();
  return committed;
}

}  // namespace melmill
