#include "pipeline/run/finish.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "io/file/durable_file.h"
#include "io/file/file_digest.h"
#include "io/file/line_reader.h"
#include "io/hash.h"
#include "io/manifest/training_line.h"
#include "pipeline/input/copied_audio.h"
#include "pipeline/plan/read_source.h"
#include "pipeline/row/reject_rules.h"
#include "pipeline/row/row_computer.h"
#include "store/damage.h"
#include "store/plan/plan_row.h"
#include "store/rejects.h"
#include "store/shard/shard_reader.h"
#include "store/store_folder.h"
#include "store/table/split_table.h"

namespace melmill {
namespace {

// Copies the manifest lines that were stored, verbatim.
class AcceptedLines {
 public:
  static Result<AcceptedLines> Create(const SplitReport& split,
                                      const std::string& path) {
    Result<LineReader> reader = LineReader::Open(split.manifest);
    if (!reader.ok()) return Unreadable(split.shown, reader.error());
    Result<DurableFile> file = DurableFile::Create(path);
    if (!file.ok()) return file.error();
    return AcceptedLines(split, std::move(reader).value(),
                         std::move(file).value());
  }

  // Line numbers must increase from call to call.
  Result<void> Copy(uint64_t line_number) {
    while (true) {
      Result<std::optional<Line>> line = reader_.Next();
      if (!line.ok()) return Unreadable(split_->shown, line.error());
      if (!line.value()) return Changed();
      if (line.value()->number < line_number) continue;
      line.value()->bytes += '\n';
      return file_.Append(line.value()->bytes);
    }
  }

  Result<void> Commit(const std::optional<FileIdentity>& replaced) {
    while (true) {
      const Result<std::optional<Line>> line = reader_.Next();
      if (!line.ok()) return Unreadable(split_->shown, line.error());
      if (!line.value()) break;
    }
    if (reader_.ContentHash() != split_->manifest_hash) return Changed();
    return file_.Commit(replaced);
  }

 private:
  AcceptedLines(const SplitReport& split, LineReader reader, DurableFile file)
      : split_(&split), reader_(std::move(reader)), file_(std::move(file)) {}

  Error Changed() const {
    return {ErrorCode::kMachineFault,
            fmt::format("{} changed while melmill ran; run again with "
                        "--update",
                        split_->shown)};
  }

  const SplitReport* split_;
  LineReader reader_;
  DurableFile file_;
};

uint64_t CountPlanned(const std::vector<SplitReport>& splits) {
  uint64_t sum = 0;
  for (const SplitReport& split : splits) {
    sum += split.num_lines - split.num_rejected;
  }
  return sum;
}

class StoreFinisher {
 public:
  StoreFinisher(const PlannedWork& work, const std::vector<SplitReport>& splits,
                const PlannedFiles* files, const std::string& folder,
                const std::map<size_t, ShardWriter::Committed>& committed,
                const SeenFiles& old)
      : work_(work),
        plan_(work.plan),
        splits_(splits),
        folder_(folder),
        committed_(committed),
        old_(old) {
    if (files != nullptr) files_.emplace(*files, CountPlanned(splits));
  }

  Result<FinishedStore> Finish();

 private:
  std::string Path(const std::string& file) const {
    return folder_ + '/' + file;
  }
  Result<void> StartSplit(size_t split);
  Result<void> FinishSplit();
  Result<void> FinishSplitsBefore(size_t split);
  Result<void> OpenShardFile(size_t shard);
  Result<void> VisitRow(uint64_t number, const PlanRow& row);
  Result<void> VisitPlanned(uint64_t number, const PlanRow& row);
  Result<uint64_t> NextIdentity(const PlanRow& row);
  Result<void> CopyLine(const PlanRow& row);
  Result<void> Reject(const PlanRow& row, RejectCode code,
                      const std::string& message);
  Result<FileEntry> Describe(const std::string& file) const;
  void DescribeStore();

  const PlannedWork work_;
  const Plan& plan_;
  const std::vector<SplitReport>& splits_;
  std::optional<PlannedFileReader> files_;
  const std::string& folder_;
  const std::map<size_t, ShardWriter::Committed>& committed_;
  const SeenFiles& old_;
  FinishedStore store_;
  std::optional<DurableFile> ledger_;

  size_t next_split_ = 0;  // the split after the current one
  std::optional<AcceptedLines> accepted_;
  std::optional<DurableFile> training_;  // if the plan has training manifests
  std::optional<SplitTableWriter> table_;

  size_t next_shard_ = 0;  // the shard after the open one
  std::optional<ShardReader> shard_;
  size_t next_shard_row_ = 0;
  CopiedAudio copied_audio_;
};

Result<FileEntry> StoreFinisher::Describe(const std::string& file) const {
  FileEntry entry;
  entry.file = file;
  const Result<FileDigest> digest = DigestFile(Path(file));
  if (!digest.ok()) return Unreadable(file, digest.error());
  entry.num_bytes = digest.value().num_bytes;
  entry.checksum = digest.value().checksum;
  return entry;
}

Result<void> StoreFinisher::StartSplit(size_t split) {
  const SplitReport& planned = splits_[split];
  SplitEntry entry;
  entry.name = planned.name;
  store_.index.splits.push_back(entry);
  Result<AcceptedLines> accepted =
      AcceptedLines::Create(planned, Path(AcceptedFileName(planned.name)));
  if (!accepted.ok()) return accepted.error();
  accepted_ = std::move(accepted).value();
  if (plan_.has_training_manifests) {
    Result<DurableFile> training =
        DurableFile::Create(Path(TrainingFileName(planned.name)));
    if (!training.ok()) return training.error();
    training_ = std::move(training).value();
  }
  table_.emplace(folder_, plan_.kept_fields, plan_.optional_columns());
  next_split_ = split + 1;
  return {};
}

Result<void> StoreFinisher::FinishSplit() {
  SplitEntry& entry = store_.index.splits.back();
  const std::string table = TableFileName(entry.name);
  const std::string accepted = AcceptedFileName(entry.name);
  Result<void> written = accepted_->Commit(FindFile(old_, accepted));
  if (written.ok() && training_) {
    written = training_->Commit(FindFile(old_, TrainingFileName(entry.name)));
  }
  if (written.ok()) {
    written = table_->WriteFile(Path(table), FindFile(old_, table));
  }
  if (!written.ok()) return written;
  accepted_.reset();
  training_.reset();
  table_.reset();
  const Result<FileEntry> table_entry = Describe(table);
  if (!table_entry.ok()) return table_entry.error();
  const Result<FileEntry> accepted_entry = Describe(accepted);
  if (!accepted_entry.ok()) return accepted_entry.error();
  entry.table = table_entry.value();
  entry.accepted = accepted_entry.value();
  if (!plan_.has_training_manifests) return {};
  const Result<FileEntry> training = Describe(TrainingFileName(entry.name));
  if (!training.ok()) return training.error();
  entry.training = training.value();
  return {};
}

// Rows are ordered by split, and every split has at least one line.
Result<void> StoreFinisher::FinishSplitsBefore(size_t split) {
  while (next_split_ <= split) {
    if (next_split_ > 0) {
      const Result<void> finished = FinishSplit();
      if (!finished.ok()) return finished;
    }
    const Result<void> started = StartSplit(next_split_);
    if (!started.ok()) return started;
  }
  return {};
}

Result<void> StoreFinisher::OpenShardFile(size_t shard) {
  const PlannedShard& planned = plan_.shards[shard];
  ShardEntry entry;
  entry.split = plan_.split_names[planned.split];
  entry.file = plan_.ShardFileName(planned);
  entry.fingerprint = ToHex(planned.fingerprint);
  Result<ShardReader> reader = ShardReader::Open(Path(entry.file));
  if (!reader.ok()) return Unreadable(entry.file, reader.error());
  if (!work_.IsShard(planned, reader.value().spec())) {
    return Error{ErrorCode::kMachineFault,
                 fmt::format("{} is another shard", entry.file)};
  }
  shard_ = std::move(reader).value();
  if (shard_->spec().has_peaks) store_.index.format_minor = kPeakFormatMinor;
  entry.num_rows = planned.num_rows;
  entry.num_frames = planned.num_frames;
  for (const ShardRow& row : shard_->rows()) {
    if (row.status == RowStatus::kStored) ++entry.num_stored;
  }
  entry.num_bytes = shard_->num_bytes();
  const auto known = committed_.find(shard);
  if (known != committed_.end()) {
    entry.checksum = known->second.checksum;
  } else {
    const Result<FileDigest> digest =
        DigestFile(Path(entry.file),
                   {{kFirstDatasetOffset,
                     planned.num_frames * work_.features.bytes_per_frame()}});
    if (!digest.ok()) return Unreadable(entry.file, digest.error());
    entry.checksum = digest.value().checksum;
  }
  store_.index.shards.push_back(std::move(entry));
  next_shard_ = shard + 1;
  next_shard_row_ = 0;
  return {};
}

Result<void> StoreFinisher::Reject(const PlanRow& row, RejectCode code,
                                   const std::string& message) {
  SplitEntry& split = store_.index.splits.back();
  ++split.num_rejected;
  if (row.is_planned()) {
    store_.rejects[code].Add(
        {split.name, row.line, row.audio, message, row.audio_path});
  }
  return ledger_->Append(
      LedgerLine({split.name, row.line, row.audio, code, message,
                  row.source.is_piece() ? &row.source : nullptr}));
}

// Adds the row to the split's manifests.
Result<void> StoreFinisher::CopyLine(const PlanRow& row) {
  const Result<void> copied = accepted_->Copy(row.line);
  if (!copied.ok() || !training_) return copied;
  const Source& source = row.source;
  TrainingLine line = {row.audio, row.text, row.prompt, plan_.kept_fields,
                       row.kept};
  if (source.is_segment()) {
    line.segment = Segment{.start = source.segment_start,
                           .num_samples = source.segment_num_samples};
  }
  line.range = source.opened_range();
  line.audio_path = row.audio_path;
  return training_->Append(FormatTrainingLine(line) + '\n');
}

// The next planned row's SeenSource::source_identity.
Result<uint64_t> StoreFinisher::NextIdentity(const PlanRow& row) {
  if (!files_) return SourceIdentity(Xxh3_64(row.audio), row.source);
  const Result<PlannedFile> file = files_->Next();
  if (!file.ok()) return file.error();
  return file.value().identity;
}

Result<void> StoreFinisher::VisitPlanned(uint64_t number, const PlanRow& row) {
  const ShardRow& shard_row = shard_->rows()[next_shard_row_++];
  const Result<uint64_t> identity = NextIdentity(row);
  if (!identity.ok()) return identity.error();
  if (shard_row.status != RowStatus::kStored) {
    return Reject(row, shard_row.reject_code,
                  RejectMessage(shard_row.reject_code, shard_row.reject_detail,
                                shard_row.source_num_samples));
  }
  SplitEntry& split = store_.index.splits.back();
  ++split.num_stored;
  split.num_samples += shard_row.num_samples;
  split.num_frames += shard_row.num_frames;
  copied_audio_.Add(number, shard_row.source_checksum,
                    PieceIdentity(identity.value(), row.source));
  const Result<void> copied = CopyLine(row);
  if (!copied.ok()) return copied;
  return table_->Append(row, shard_row, next_shard_ - 1);
}

Result<void> StoreFinisher::VisitRow(uint64_t number, const PlanRow& row) {
  const Result<void> ready = FinishSplitsBefore(row.split);
  if (!ready.ok()) return ready;
  ++store_.index.splits.back().num_lines;
  if (!row.is_planned()) return Reject(row, row.code, row.message);
  if (next_shard_ < plan_.shards.size() &&
      plan_.shards[next_shard_].first_row == number) {
    const Result<void> opened = OpenShardFile(next_shard_);
    if (!opened.ok()) return opened;
  }
  return VisitPlanned(number, row);
}

void StoreFinisher::DescribeStore() {
  StoreIndex& index = store_.index;
  index.contract = plan_.contract;
  index.producer = plan_.producer;
  index.plan = ToHex(plan_.fingerprint);
  index.shard_target_bytes = plan_.shard_target_bytes;
  index.kept_fields = plan_.kept_fields;
  index.format_major = plan_.has_pieces ? kPieceFormatMajor : kFormatMajor;
  index.has_audio_paths = plan_.has_audio_paths;
  index.format_minor = 0;
  if (plan_.has_training_manifests) index.format_minor = kTrainingFormatMinor;
  if (plan_.has_audio_paths) index.format_minor = kAudioPathFormatMinor;
}

Result<FinishedStore> StoreFinisher::Finish() {
  DescribeStore();
  Result<DurableFile> ledger = DurableFile::Create(Path(kRejectsFile));
  if (!ledger.ok()) return ledger.error();
  ledger_ = std::move(ledger).value();
  Result<void> done =
      ForEachPlanRow(*plan_.rows, 0, plan_.rows->num_rows(),
                     [this](uint64_t number, const PlanRow& row) {
                       return VisitRow(number, row);
                     });
  if (done.ok()) done = FinishSplit();
  if (done.ok()) done = copied_audio_.Tell(plan_, splits_, &store_.copies);
  if (done.ok()) done = ledger_->Commit(FindFile(old_, kRejectsFile));
  if (!done.ok()) return done.error();
  Result<FileEntry> rejects = Describe(kRejectsFile);
  if (!rejects.ok()) return rejects.error();
  store_.index.rejects = std::move(rejects).value();
  Result<FileEntry> plan_file = Describe(kPlanFile);
  if (!plan_file.ok()) return plan_file.error();
  store_.index.plan_file = std::move(plan_file).value();
  done =
      WriteFileDurably(Path(kStoreIndexFile), FormatStoreIndex(store_.index));
  if (!done.ok()) return done.error();
  return std::move(store_);
}

}  // namespace

Result<FinishedStore> FinishStore(
    const PlannedWork& work, const std::vector<SplitReport>& splits,
    const PlannedFiles* files, const std::string& folder,
    const std::map<size_t, ShardWriter::Committed>& committed,
    const SeenFiles& old) {
  return StoreFinisher(work, splits, files, folder, committed, old).Finish();
}

}  // namespace melmill
