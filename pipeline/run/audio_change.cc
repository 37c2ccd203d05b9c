#include "pipeline/run/audio_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <utility>

#include "io/file/durable_file.h"
#include "io/file/input_file.h"
#include "io/file/name_change.h"
#include "pipeline/extract/open_shard.h"
#include "pipeline/extract/thread_pool.h"
#include "pipeline/row/row_list.h"
#include "pipeline/row/row_task.h"
#include "pipeline/row/suspects_file.h"
#include "pipeline/setup/byte_size.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "store/damage.h"
#include "store/shard/shard_reader.h"

namespace melmill {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;
// The number of rows read at once, enough that threads seldom wait for the
// last.
constexpr size_t kBatchRows = 4096;

// A rerun reads up to this much without asking; beyond it, up to 1 % of the
// rows.
constexpr uint64_t kMuchBytes = 10'000'000'000;
// The speed of a slow disk or server, used only for the estimate.
constexpr double kBytesPerMinute = 60.0 * 100e6;

// The state of a file now.
struct SeenAudio {
  FileFacts facts;
  Hash128 checksum = {};
};

// Reads the audio of rows on one thread.
class AudioReader {
 public:
  explicit AudioReader(const RunControl& control) : control_(control) {}

  // Reads the audio data of a row's file. All segments of a coded file have all
  // its bytes, which are read once for rows that follow each other. Errors:
  // those of InputFile, and kChangedSincePlan.
  Result<SeenAudio> Read(const RowTask& task) {
    const Source& source = task.source;
    const Result<InputFile> opened =
        InputFile::Open(task.path, source.opened_range());
    if (!opened.ok()) {
      if (opened.error().code != RejectCode::kRangeOutside) {
        return opened.error();
      }
      return Error{RejectCode::kChangedSincePlan, "is shorter"};
    }
    const InputFile& file = opened.value();
    if (file.size_bytes() != source.file_bytes) {
      return Error{RejectCode::kChangedSincePlan, "has another size"};
    }
    SeenAudio seen{.facts = file.facts(), .checksum = whole_.checksum};
    const bool is_known = source.is_coded_segment() && seen.facts.is_known() &&
                          seen.facts == whole_.facts && task.path == path_ &&
                          source.range == range_;
    if (!is_known) {
      const Result<Hash128> hash = HashData(file, source);
      if (!hash.ok()) return hash.error();
      seen.checksum = hash.value();
    }
    if (!source.is_coded_segment() || control_.stop_requested()) return seen;
    whole_ = seen;
    path_ = task.path;
    range_ = source.range;
    seen.checksum = HashCodedSegment(seen.checksum, source.segment_start,
                                     source.segment_num_samples);
    return seen;
  }

 private:
  Result<Hash128> HashData(const InputFile& file, const Source& source) {
    Hasher128 hasher;
    uint64_t at = source.own_data_offset();
    const uint64_t end = at + source.own_data_bytes();
    while (at < end && !control_.stop_requested()) {
      const auto num_bytes = std::min<uint64_t>(kReadBytes, end - at);
      buffer_.resize(static_cast<size_t>(num_bytes));
      file.WillNeed(at + num_bytes, kReadBytes);
      const Result<void> read = file.ReadAt(at, buffer_);
      if (!read.ok()) return read.error();
      hasher.Update(buffer_);
      at += num_bytes;
    }
    return hasher.Digest();
  }

  const RunControl& control_;
  std::vector<std::byte> buffer_;
  // The coded file that was read last, and its state and hash then.
  std::string path_;
  ByteRange range_;
  SeenAudio whole_;
};

// Reads with all attempts. A file that was replaced since the plan has no
// checksum. A file that cannot be read is the machine's fault: an existing
// shard is not given up for that.
Result<std::optional<SeenAudio>> TryReadAudio(const RowTask& task,
                                              AudioReader* reader) {
  for (int attempt = 1;; ++attempt) {
    Result<SeenAudio> seen = reader->Read(task);
    if (seen.ok()) return std::optional(seen.value());
    if (seen.error().code == RejectCode::kChangedSincePlan) {
      return std::optional<SeenAudio>();
    }
    if (attempt < kMaxReadAttempts) continue;
    return Error{
        ErrorCode::kMachineFault,
        fmt::format("{} looks changed and {}", task.path, seen.error().message),
        seen.error().detail};
  }
}

// A shard whose suspect rows are read.
struct ShardInDoubt {
  size_t index = 0;
  RowList tasks;
  SourceChecksums stored = {};
  SourceChecksums seen = {};
  std::vector<FileFacts> facts = {};
  std::vector<size_t> suspects = {};  // rows
};

class AudioComparer {
 public:
  explicit AudioComparer(const AudioCompareJob& job)
      : job_(job),
        plan_(job.work.plan),
        was_known_(job.local->exists()),
        control_(*job.control) {
    first_files_.reserve(plan_.shards.size());
    for (const PlannedShard& shard : plan_.shards) {
      first_files_.push_back(num_files_);
      num_files_ += shard.num_rows;
    }
  }

  Result<AudioChange> Compare();

 private:
  ShardId IdOf(size_t shard) const {
    return {plan_.shards[shard].fingerprint, job_.shards.at(shard).checksum};
  }
  Result<std::vector<PlannedFile>> FilesOf(size_t shard) const {
    return job_.files.Read(first_files_[shard],
                           static_cast<size_t>(plan_.shards[shard].num_rows));
  }
  Result<std::vector<size_t>> FindSuspects(
      size_t shard, const std::vector<PlannedFile>& files,
      std::vector<FileFacts>* known);
  Result<void> CountSuspects();
  Result<void> TrustSuspects();
  Result<void> ReadSuspects();
  Result<ShardInDoubt> LoadShard(size_t index);
  Result<void> ReadBatch();
  void ReadRows();
  void Fail(const Error& error);
  Result<void> Conclude(ShardInDoubt* shard);

  const AudioCompareJob& job_;
  const Plan& plan_;
  const bool was_known_;
  RunControl& control_;
  std::vector<uint64_t> first_files_;  // each shard's first file in job_.files
  uint64_t num_files_ = 0;

  std::vector<size_t> shards_in_doubt_;
  SuspectAudio suspects_;
  AudioChange change_;

  // The state that the threads share.
  std::vector<ShardInDoubt> batch_;
  std::vector<std::pair<ShardInDoubt*, size_t>> rows_;
  std::atomic<size_t> next_row_{0};
  std::mutex fault_mutex_;
  std::optional<Error> fault_;
};

// Returns the rows to read, and in *known what is known of all files. It is
// called twice for a shard in doubt: keeping the rows of all shards between
// counting and reading would take memory for each row.
Result<std::vector<size_t>> AudioComparer::FindSuspects(
    size_t shard, const std::vector<PlannedFile>& files,
    std::vector<FileFacts>* known) {
  auto found = job_.local->Find(IdOf(shard));
  if (!found.ok()) return found.error();
  std::vector<size_t> suspects;
  const bool is_taken = found.value() ? found.value()->empty() : !was_known_;
  if (is_taken && job_.check == AudioCheck::kTouched) {
    change_.num_unknown_rows += files.size();
    return suspects;
  }
  const bool has_facts = found.value() && found.value()->size() == files.size();
  known->assign(files.size(), {});
  if (has_facts) *known = *std::move(found).value();
  for (size_t row = 0; row < files.size(); ++row) {
    const FileFacts& before = (*known)[row];
    // A rejected row is tried again in each run anyway.
    if (has_facts && !before.is_known()) continue;
    if (!has_facts || job_.check == AudioCheck::kAll ||
        LooksTouched(before, files[row].facts)) {
      suspects.push_back(row);
    }
  }
  return suspects;
}

Result<void> AudioComparer::CountSuspects() {
  std::vector<FileFacts> known;
  for (const auto& [shard, committed] : job_.shards) {
    const Result<std::vector<PlannedFile>> files = FilesOf(shard);
    if (!files.ok()) return files.error();
    const auto suspects = FindSuspects(shard, files.value(), &known);
    if (!suspects.ok()) return suspects.error();
    suspects_.num_all_rows += files.value().size();
    if (suspects.value().empty()) continue;
    shards_in_doubt_.push_back(shard);
    suspects_.num_rows += suspects.value().size();
    for (const size_t row : suspects.value()) {
      suspects_.num_bytes += files.value()[row].num_bytes;
    }
  }
  return {};
}

// Records the files as planning saw them, without reading them.
Result<void> AudioComparer::TrustSuspects() {
  for (const size_t shard : shards_in_doubt_) {
    const Result<std::vector<PlannedFile>> files = FilesOf(shard);
    if (!files.ok()) return files.error();
    std::vector<FileFacts> facts;
    for (const PlannedFile& file : files.value()) facts.push_back(file.facts);
    const Result<void> told = job_.local->Append(IdOf(shard), facts);
    if (!told.ok()) return told;
  }
  return {};
}

Result<ShardInDoubt> AudioComparer::LoadShard(size_t index) {
  const PlannedShard& planned = plan_.shards[index];
  const std::string file = plan_.ShardFileName(planned);
  const Result<ShardReader> reader =
      ShardReader::Open(job_.folder + '/' + file);
  if (!reader.ok()) return Unreadable(file, reader.error());
  Result<RowList> tasks = RowList::Load(job_.work, planned);
  if (!tasks.ok()) return tasks.error();
  ShardInDoubt shard{.index = index, .tasks = std::move(tasks).value()};
  for (const ShardRow& row : reader.value().rows()) {
    shard.stored.push_back(row.status == RowStatus::kStored
                               ? std::optional(row.source_checksum)
                               : std::nullopt);
  }
  shard.seen = shard.stored;
  const Result<std::vector<PlannedFile>> files = FilesOf(index);
  if (!files.ok()) return files.error();
  auto suspects = FindSuspects(index, files.value(), &shard.facts);
  if (!suspects.ok()) return suspects.error();
  for (const size_t row : suspects.value()) {
    if (shard.stored[row]) shard.suspects.push_back(row);
  }
  return shard;
}

Result<void> AudioComparer::ReadSuspects() {
  control_.audio_bytes_to_read = suspects_.num_bytes;
  control_.phase = RunControl::Phase::kCompareAudio;
  size_t num_rows = 0;
  for (const size_t index : shards_in_doubt_) {
    Result<ShardInDoubt> shard = LoadShard(index);
    if (!shard.ok()) return shard.error();
    num_rows += shard.value().suspects.size();
    batch_.push_back(std::move(shard).value());
    if (num_rows < kBatchRows) continue;
    const Result<void> read = ReadBatch();
    if (!read.ok()) return read;
    num_rows = 0;
  }
  return ReadBatch();
}

Result<void> AudioComparer::ReadBatch() {
  rows_.clear();
  next_row_ = 0;
  for (ShardInDoubt& shard : batch_) {
    for (const size_t row : shard.suspects) rows_.emplace_back(&shard, row);
  }
  const auto num_threads = static_cast<int>(
      std::min<size_t>(static_cast<size_t>(job_.num_io_threads), rows_.size()));
  if (num_threads > 0) {
    // The destructor waits until all rows are read.
    ThreadPool readers(num_threads);
    for (int i = 0; i < num_threads; ++i) {
      readers.Submit([this] { ReadRows(); });
    }
  }
  if (fault_) return *fault_;
  if (control_.stop_requested()) {
    return Error{ErrorCode::kMachineFault, "stopped"};
  }
  for (ShardInDoubt& shard : batch_) {
    const Result<void> concluded = Conclude(&shard);
    if (!concluded.ok()) return concluded;
  }
  batch_.clear();
  return {};
}

void AudioComparer::Fail(const Error& error) {
  const std::lock_guard lock(fault_mutex_);
  if (!fault_) fault_ = error;
  next_row_ = rows_.size();
}

// Runs on each of the threads.
void AudioComparer::ReadRows() {
  try {
    AudioReader reader(control_);
    while (!control_.stop_requested()) {
      const size_t next = next_row_++;
      if (next >= rows_.size()) return;
      const auto& [shard, row] = rows_[next];
      const RowTask task = shard->tasks[row];
      const Result<std::optional<SeenAudio>> seen = TryReadAudio(task, &reader);
      if (!seen.ok()) return Fail(seen.error());
      shard->seen[row].reset();
      if (seen.value()) {
        shard->seen[row] = seen.value()->checksum;
        shard->facts[row] = seen.value()->facts;
      }
      control_.audio_bytes_read += task.source.bytes_to_read();
    }
  } catch (const std::exception& error) {
    Fail({ErrorCode::kMachineFault, error.what()});
  }
}

// Records a shard only here, when all its suspects were read.
Result<void> AudioComparer::Conclude(ShardInDoubt* shard) {
  const uint64_t num_before = change_.changed.count;
  const std::string& split =
      plan_.split_names[plan_.shards[shard->index].split];
  for (const size_t row : shard->suspects) {
    if (shard->seen[row] == shard->stored[row]) continue;
    const RowTask task = shard->tasks[row];
    change_.changed.Add({split, task.line, task.audio, ""});
  }
  if (change_.changed.count > num_before) {
    change_.shards[shard->index] = std::move(shard->seen);
    return {};
  }
  for (size_t row = 0; row < shard->stored.size(); ++row) {
    if (!shard->stored[row]) shard->facts[row] = {};
  }
  return job_.local->Append(IdOf(shard->index), shard->facts);
}

Result<AudioChange> AudioComparer::Compare() {
  Result<void> done = CountSuspects();
  if (!done.ok()) return done.error();
  if (job_.check == AudioCheck::kTouched && suspects_.is_much()) {
    throw SetupError(suspects_.Describe());
  }
  done = job_.check == AudioCheck::kNone ? TrustSuspects() : ReadSuspects();
  if (!done.ok()) return done.error();
  return std::move(change_);
}

// The first stored row whose audio is not the audio seen before, or nothing if
// there is none.
std::optional<size_t> FindOtherRow(const std::vector<ShardRow>& rows,
                                   const SourceChecksums& seen) {
  for (size_t row = 0; row < rows.size(); ++row) {
    if (rows[row].status == RowStatus::kStored && seen[row] &&
        rows[row].source_checksum != *seen[row]) {
      return row;
    }
  }
  return {};
}

Result<void> CheckRemadeShard(const PlannedWork& work,
                              const std::string& folder,
                              const PlannedShard& shard,
                              const SourceChecksums& seen) {
  const std::string path = folder + '/' + work.plan.ShardFileName(shard);
  const Result<std::optional<FileIdentity>> identity = Identify(path);
  if (!identity.ok()) return identity.error();
  const Result<ShardReader> reader = ShardReader::Open(path);
  if (!reader.ok()) return Unreadable(path, reader.error());
  const std::optional<size_t> other = FindOtherRow(reader.value().rows(), seen);
  if (!other) return {};
  const Result<RowList> tasks = RowList::Load(work, shard);
  if (!tasks.ok()) return tasks.error();
  if (identity.value()) {
    const Result<bool> removed = RemoveIfSame(path, *identity.value());
    if (!removed.ok()) return removed.error();
    const Result<void> synced = SyncFolder(folder);
    if (!synced.ok()) return synced;
  }
  return Error{ErrorCode::kMachineFault,
               fmt::format("{} changed while melmill ran; run again",
                           tasks.value()[*other].path)};
}

}  // namespace

bool SuspectAudio::is_much() const {
  return num_bytes > kMuchBytes && num_rows > num_all_rows / 100;
}

std::string SuspectAudio::Describe() const {
  return fmt::format(
      "{} of {} audio files look changed since they were read: {}, about "
      "{:.0f} min at 100 MB/s. --rehash reads and compares them; "
      "--trust-audio takes them as unchanged",
      num_rows, num_all_rows, FormatBytes(num_bytes),
      std::max(1.0, static_cast<double>(num_bytes) / kBytesPerMinute));
}

Result<AudioChange> FindChangedAudio(const AudioCompareJob& job) {
  return AudioComparer(job).Compare();
}

Result<void> CheckRemadeShards(const PlannedWork& work,
                               const std::string& folder,
                               const AudioChange& change) {
  for (const auto& [index, seen] : change.shards) {
    const Result<void> checked =
        CheckRemadeShard(work, folder, work.plan.shards[index], seen);
    if (!checked.ok()) return checked;
  }
  return {};
}

}  // namespace melmill
