#include "pipeline/lines/line_batches.h"

#include <fmt/format.h>
#include <oneapi/tbb/parallel_pipeline.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>

#include "io/hash.h"
#include "pipeline/plan/read_source.h"
#include "pipeline/setup/arena.h"
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

// Batches come in rounds of this many bytes. This bounds the memory if every
// line has the maximum length.
constexpr uint64_t kRoundBytes = uint64_t{32} << 20;

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

// One call of PlanBatches.
class BatchPipeline {
 public:
  BatchPipeline(const RunConfig& config, BatchReader* reader,
                const PlanChunks* chunks, RunControl* control,
                const std::function<Result<void>(LineBatch* batch)>& append)
      : config_(config),
        reader_(reader),
        planner_(config, chunks),
        control_(control),
        append_(append) {}

  Result<void> Run();

 private:
  void RunRound();
  bool Read(LineBatch* batch);
  void Append(LineBatch batch);
  void Fail(const Error& error);

  const RunConfig& config_;
  BatchReader* reader_;
  const BatchPlanner planner_;
  RunControl* control_;
  const std::function<Result<void>(LineBatch* batch)>& append_;
  uint64_t round_bytes_ = 0;
  bool all_read_ = false;
  std::mutex failure_mutex_;
  std::optional<Error> failure_;
  std::atomic<bool> failed_{false};
};

// Stages 1 and 3 may fail at the same time, hence the lock.
void BatchPipeline::Fail(const Error& error) {
  const std::lock_guard lock(failure_mutex_);
  if (!failure_) failure_ = error;
  failed_ = true;
}

// Stage 1, in order.
bool BatchPipeline::Read(LineBatch* batch) {
  if (round_bytes_ >= kRoundBytes) return false;
  all_read_ = failed_ || control_->stop_requested();
  if (all_read_) return false;
  const Result<bool> read = reader_->Next(batch);
  if (!read.ok()) Fail(read.error());
  all_read_ = !read.ok() || !read.value();
  round_bytes_ += batch->num_bytes;
  return !all_read_;
}

// Stage 3, in order.
void BatchPipeline::Append(LineBatch batch) {
  if (failed_) return;
  Result<void> done = append_(&batch);
  if (done.ok() && batch.chunk != nullptr) done = KeepLines(batch);
  if (!done.ok()) return Fail(done.error());
  control_->lines_planned += batch.lines.size();
}

void BatchPipeline::RunRound() {
  namespace tbb = oneapi::tbb;
  round_bytes_ = 0;
  tbb::parallel_pipeline(
      static_cast<size_t>(2 * config_.resources.num_plan_threads),
      tbb::make_filter<void, LineBatch>(tbb::filter_mode::serial_in_order,
                                        [this](tbb::flow_control& flow) {
                                          LineBatch batch;
                                          if (!Read(&batch)) flow.stop();
                                          return batch;
                                        }) &
          tbb::make_filter<LineBatch, LineBatch>(tbb::filter_mode::parallel,
                                                 [this](LineBatch batch) {
                                                   planner_.Plan(&batch);
                                                   return batch;
                                                 }) &
          tbb::make_filter<LineBatch, void>(
              tbb::filter_mode::serial_in_order,
              [this](LineBatch batch) { Append(std::move(batch)); }));
}

// Reading headers waits for the disk, so it uses as many threads as later wait
// for the disk.
Result<void> BatchPipeline::Run() {
  Arena arena(config_.resources.num_plan_threads);
  arena.Run([this] {
    while (!all_read_) RunRound();
  });
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
