#include "pipeline/lines/line_batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>

#include "io/hash.h"
#include "pipeline/extract/thread_pool.h"
#include "pipeline/plan/read_source.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

// A batch is the unit of work of the plan's pipeline. It is large enough for
// its overhead to be negligible. Batches of a short manifest are smaller, so
// that all threads share it while they wait for a slow file system.
constexpr size_t kMaxBatchLines = 64;
constexpr size_t kBatchBytes = size_t{1} << 20;

// The lines of a batch, for several batches a thread.
size_t BatchLines(uint64_t num_bytes, int num_threads) {
  constexpr uint64_t kUsualLineBytes = 128;
  constexpr uint64_t kBatchesOfThread = 4;
  const uint64_t num_lines = num_bytes / kUsualLineBytes;
  const uint64_t num_batches =
      static_cast<uint64_t>(num_threads) * kBatchesOfThread;
  return static_cast<size_t>(
      std::clamp<uint64_t>(num_lines / num_batches, 1, kMaxBatchLines));
}

// Batches of this many bytes are in work at once. This bounds the memory if
// every line has the maximum length.
constexpr uint64_t kMaxBytesInWork = uint64_t{32} << 20;

// Plans the lines of batches. Thread-safe.
class BatchPlanner {
 public:
  BatchPlanner(const RunConfig& config, const PlanChunks* chunks)
      : config_(config),
        planner_(config),
        compares_paths_(chunks != nullptr && !chunks->are_own()) {}

  void Plan(LineBatch* batch) const;

 private:
  // Machines number devices as they like. What their plans say of a file is
  // comparable by its path only.
  void IdentifyByPath(PlannedLine* planned) const;

  const RunConfig& config_;
  const LinePlanner planner_;
  const bool compares_paths_;
};

void BatchPlanner::IdentifyByPath(PlannedLine* planned) const {
  if (!planned->row.is_planned()) return;
  planned->identity = PathIdentity(
      ResolveAudioPath(config_.input.audio_root, planned->row.written_path()));
  planned->source_identity =
      SourceIdentity(planned->identity, planned->row.source);
}

void BatchPlanner::Plan(LineBatch* batch) const {
  std::vector<bool> is_known(batch->lines.size(), false);
  if (batch->chunk != nullptr) {
    for (const PlannedLine& planned : batch->lines) {
      batch->bytes_hashes.push_back(Xxh3_64(planned.line.bytes));
    }
    if (batch->chunk->known != nullptr) {
      is_known = batch->chunk->known->Restore(
          batch->first_in_chunk, batch->bytes_hashes, &batch->lines);
    }
  }
  for (size_t i = 0; i < batch->lines.size(); ++i) {
    if (is_known[i]) {
      ++batch->num_known;
    } else {
      planner_.Plan(&batch->lines[i]);
    }
    if (compares_paths_) IdentifyByPath(&batch->lines[i]);
  }
}

// Adds planned lines to their chunk, and writes its file at its end. As long as
// all lines are known, the file stays as it is.
Result<void> KeepLines(const LineBatch& batch) {
  PlanChunk& chunk = *batch.chunk;
  if (!chunk.has_new_lines) {
    if (batch.num_known == batch.lines.size()) return {};
    chunk.has_new_lines = true;
    if (chunk.known != nullptr) {
      const Result<void> added =
          chunk.lines.AddFirstLines(*chunk.known, batch.first_in_chunk);
      if (!added.ok()) return added;
    }
  }
  for (size_t i = 0; i < batch.lines.size(); ++i) {
    const Result<void> added =
        chunk.lines.Add(batch.bytes_hashes[i], batch.lines[i]);
    if (!added.ok()) return added;
  }
  return batch.ends_chunk ? chunk.lines.Commit(chunk.path) : Result<void>();
}

// One call of PlanBatches. Each of its threads reads a batch, plans its lines,
// appends what is next in order, and so on. One thread at a time reads, and one
// appends. Threads that have nothing to do sleep. (Those of oneTBB look for
// work for a while, which hundreds of threads that wait for files cannot
// afford.)
class BatchPipeline {
 public:
  BatchPipeline(const RunConfig& config, BatchReader* reader,
                const PlanChunks* chunks, RunControl* control,
                const std::function<Result<void>(LineBatch* batch)>& append)
      : num_threads_(config.resources.num_plan_threads),
        reader_(reader),
        planner_(config, chunks),
        control_(control),
        append_(append) {}

  // Throws what its threads throw.
  Result<void> Run();

 private:
  void Work();
  // These hold the lock, except where they say so.
  bool HasRoom() const;
  bool Read(LineBatch* batch);
  void AppendPlanned(std::unique_lock<std::mutex>* lock);
  Result<void> Append(LineBatch* batch);  // without the lock
  void End();

  const int num_threads_;
  BatchReader* reader_;
  const BatchPlanner planner_;
  RunControl* control_;
  const std::function<Result<void>(LineBatch* batch)>& append_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool has_ended_ = false;  // no more batches are read
  uint64_t num_read_ = 0;   // batches
  uint64_t num_appended_ = 0;
  uint64_t bytes_in_work_ = 0;
  std::map<uint64_t, LineBatch> planned_;  // by number; not appended yet
  std::optional<Error> failure_;
  std::exception_ptr exception_;
};

bool BatchPipeline::HasRoom() const {
  return num_read_ - num_appended_ < 2 * static_cast<uint64_t>(num_threads_) &&
         bytes_in_work_ < kMaxBytesInWork;
}

bool BatchPipeline::Read(LineBatch* batch) {
  if (control_->stop_requested()) return false;
  const Result<bool> read = reader_->Next(batch);
  if (!read.ok()) failure_ = read.error();
  return read.ok() && read.value();
}

void BatchPipeline::End() {
  has_ended_ = true;
  changed_.notify_all();
}

Result<void> BatchPipeline::Append(LineBatch* batch) {
  Result<void> done = append_(batch);
  if (done.ok() && batch->chunk != nullptr) done = KeepLines(*batch);
  if (done.ok()) control_->lines_planned += batch->lines.size();
  return done;
}

// Appends all that is next. The number of a batch counts once it is appended,
// so no other thread finds a next one meanwhile, and none after an error.
void BatchPipeline::AppendPlanned(std::unique_lock<std::mutex>* lock) {
  while (!planned_.empty() && planned_.begin()->first == num_appended_) {
    LineBatch batch = std::move(planned_.extract(planned_.begin()).mapped());
    lock->unlock();
    const Result<void> done = Append(&batch);
    lock->lock();
    if (!done.ok()) {
      if (!failure_) failure_ = done.error();
      return End();
    }
    ++num_appended_;
    bytes_in_work_ -= batch.num_bytes;
    changed_.notify_one();
  }
}

void BatchPipeline::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return has_ended_ || HasRoom(); });
    LineBatch batch;
    if (has_ended_) return;
    if (!Read(&batch)) return End();
    const uint64_t number = num_read_++;
    bytes_in_work_ += batch.num_bytes;
    if (HasRoom()) changed_.notify_one();
    lock.unlock();
    planner_.Plan(&batch);
    lock.lock();
    planned_.emplace(number, std::move(batch));
    AppendPlanned(&lock);
  }
}

// Reading headers waits for the disk, so it uses as many threads as later wait
// for the disk.
Result<void> BatchPipeline::Run() {
  {
    ThreadPool threads(num_threads_);
    for (int i = 0; i < num_threads_; ++i) {
      threads.Submit([this] {
        try {
          Work();
        } catch (...) {
          const std::lock_guard lock(mutex_);
          exception_ = std::current_exception();
          End();
        }
      });
    }
  }
  if (exception_) std::rethrow_exception(exception_);
  return failure_ ? Result<void>(*failure_) : Result<void>();
}

}  // namespace

BatchReader::BatchReader(const RunConfig& config, const PlanChunks* chunks,
                         const std::optional<PartNumber>& part,
                         std::vector<SplitReport>* splits)
    : config_(config), chunks_(chunks), part_(part), splits_(splits) {}

Error BatchReader::FaultOf(const Error& error) const {
  return {
      ErrorCode::kMachineFault,
      fmt::format("{}: {}", (*splits_)[next_split_ - 1].shown, error.message),
      error.detail};
}

Result<bool> BatchReader::OpenNextManifest() {
  if (next_split_ == splits_->size()) return false;
  const SplitReport& split = (*splits_)[next_split_];
  Result<LineReader> reader = LineReader::Open(split.manifest);
  if (!reader.ok()) {
    return Error{
        ErrorCode::kMachineFault,
        fmt::format("cannot read {}: {}", split.shown, reader.error().message)};
  }
  reader_ = std::move(reader).value();
  batch_lines_ =
      BatchLines(reader_->num_bytes(), config_.resources.num_plan_threads);
  ++next_split_;
  return true;
}

bool BatchReader::IsAtEndOfChunk() const {
  return chunk_ != nullptr && reader_->offset() >= end_of_chunk_;
}

Result<bool> BatchReader::EnterChunk() {
  const uint64_t chunk_bytes = chunks_->chunk_bytes();
  while (reader_->offset() < reader_->num_bytes()) {
    const uint64_t index = reader_->offset() / chunk_bytes;
    end_of_chunk_ = (index + 1) * chunk_bytes;
    if (!part_ || part_->Includes(first_chunk_ + index)) {
      chunk_ = chunks_->OpenChunk(next_split_ - 1, index);
      num_in_chunk_ = 0;
      ++num_chunks_;
      return true;
    }
    const Result<void> skipped = reader_->SkipTo(end_of_chunk_);
    if (!skipped.ok()) return FaultOf(skipped.error());
  }
  return false;
}

Result<bool> BatchReader::Next(LineBatch* batch) {
  if (!reader_) {
    Result<bool> opened = OpenNextManifest();
    if (!opened.ok() || !opened.value()) return opened;
  }
  if (chunks_ != nullptr && chunk_ == nullptr) {
    const Result<bool> entered = EnterChunk();
    if (!entered.ok()) return entered;
  }
  SplitReport& split = (*splits_)[next_split_ - 1];
  batch->lines.reserve(batch_lines_);
  batch->chunk = chunk_;
  batch->first_in_chunk = num_in_chunk_;
  while (batch->lines.size() < batch_lines_ && batch->num_bytes < kBatchBytes &&
         !IsAtEndOfChunk()) {
    Result<std::optional<Line>> next = reader_->Next();
    if (!next.ok()) return FaultOf(next.error());
    if (!next.value()) {
      if (!part_) split.manifest_hash = reader_->ContentHash();
      if (chunks_ != nullptr) {
        first_chunk_ += (reader_->num_bytes() + chunks_->chunk_bytes() - 1) /
                        chunks_->chunk_bytes();
      }
      reader_.reset();
      break;
    }
    Line line = std::move(*next.value());
    if (!line.too_long && IsBlank(line.bytes)) {
      ++split.num_blank_lines;
      continue;
    }
    batch->num_bytes += line.bytes.size();
    PlannedLine& planned = batch->lines.emplace_back();
    planned.row.split = static_cast<uint32_t>(next_split_ - 1);
    planned.row.line = line.number;
    planned.line = std::move(line);
  }
  num_in_chunk_ += batch->lines.size();
  batch->ends_chunk = chunk_ != nullptr && (!reader_ || IsAtEndOfChunk());
  if (batch->ends_chunk) chunk_.reset();
  return true;
}

Result<void> PlanBatches(
    const RunConfig& config, BatchReader* reader, const PlanChunks* chunks,
    RunControl* control,
    const std::function<Result<void>(LineBatch* batch)>& append) {
  return BatchPipeline(config, reader, chunks, control, append).Run();
}

}  // namespace melmill
