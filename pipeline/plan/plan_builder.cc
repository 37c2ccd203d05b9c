#include "pipeline/plan/plan_builder.h"

#include <fmt/format.h>
#include <oneapi/tbb/parallel_pipeline.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <filesystem>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#include "io/file/line_reader.h"
#include "io/hash.h"
#include "io/manifest/language.h"
#include "io/manifest/manifest.h"
#include "pipeline/extract/unreadable_files.h"
#include "pipeline/input/manifest_check.h"
#include "pipeline/input/overlapping_audio.h"
#include "pipeline/input/planned_line.h"
#include "pipeline/input/segment_check.h"
#include "pipeline/plan/decode_cost.h"
#include "pipeline/plan/piece_count.h"
#include "pipeline/plan/read_source.h"
#include "pipeline/plan/repeated_audio.h"
#include "pipeline/plan/shard_cutter.h"
#include "pipeline/plan/speed_estimate.h"
#include "pipeline/plan/tally.h"
#include "pipeline/setup/arena.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "store/plan/plan_row.h"
#include "store/table/table_spool.h"

namespace melmill {
namespace {

// A batch is the unit of work of the plan's pipeline. It is large enough for
// its overhead to be negligible. Batches of a short manifest are smaller, so
// that all threads share it while they wait for a slow file system.
constexpr size_t kMaxBatchLines = 64;
constexpr size_t kBatchBytes = size_t{1} << 20;

// The lines of a batch, for several batches a thread.
size_t BatchLines(const std::string& manifest, int num_threads) {
  constexpr uint64_t kUsualLineBytes = 128;
  constexpr uint64_t kBatchesOfThread = 4;
  std::error_code error;
  const uint64_t num_bytes = std::filesystem::file_size(manifest, error);
  if (error) return kMaxBatchLines;
  const uint64_t num_lines = num_bytes / kUsualLineBytes;
  const uint64_t num_batches =
      static_cast<uint64_t>(num_threads) * kBatchesOfThread;
  return static_cast<size_t>(
      std::clamp<uint64_t>(num_lines / num_batches, 1, kMaxBatchLines));
}

// Batches come in rounds of this many bytes. This bounds the memory if every
// line has the maximum length.
constexpr uint64_t kRoundBytes = uint64_t{32} << 20;

// This many I/O errors in a row are the machine's fault, not the files'.
constexpr int kMaxIoErrorsInARow = 16;

struct Batch {
  uint32_t split = 0;
  std::vector<PlannedLine> lines;
};

class PlanBuilder {
 public:
  PlanBuilder(const RunConfig& config, const std::string& spool_folder,
              RunControl* control);

  Result<BuiltPlan> Build();

 private:
  // Stage 1, in order. It counts and drops blank lines.
  bool ReadBatch(Batch* batch);
  bool OpenNextManifest();
  // Stage 3, in order.
  void AppendBatch(Batch batch);
  void AppendLine(PlannedLine* planned);
  void CountIoErrors(const PlanRow& row);
  void CountPlanned(const PlannedLine& planned, SplitReport* split);
  void Fail(const Error& error);

  void RunPipeline();
  void RunRound();
  Result<void> CheckLastPlanned() const;
  Result<void> LayOut();

  const RunConfig& config_;
  const LinePlanner planner_;
  RunControl* control_;
  BuiltPlan built_;
  Plan& plan_ = built_.plan;
  PlanReport& report_ = built_.report;
  TableSpool* spool_ = nullptr;  // plan_.rows

  std::optional<LineReader> reader_;
  size_t reader_split_ = 0;  // the split after the one that is read
  size_t batch_lines_ = kMaxBatchLines;
  uint64_t round_bytes_ = 0;
  bool all_read_ = false;

  RepeatedAudio repeated_audio_;
  std::vector<uint64_t> sources_of_segments_;
  bool has_coded_segments_ = false;
  PieceCount pieces_;
  Hasher128 hasher_;
  int num_io_errors_in_a_row_ = 0;
  std::string unread_path_;  // of the last of them, as written
  std::string last_planned_path_;
  std::mutex failure_mutex_;
  std::optional<Error> failure_;
  std::atomic<bool> failed_{false};
};

PlanBuilder::PlanBuilder(const RunConfig& config,
                         const std::string& spool_folder, RunControl* control)
    : config_(config), planner_(config), control_(control) {
  CheckConfig(config);
  CheckAudioRoot(config.input.audio_root);
  const ManifestOptions options = MakeManifestOptions(config);
  plan_.contract = config.features.Contract();
  plan_.producer = config.features.Producer();
  plan_.kept_fields = config.input.kept_fields;
  plan_.has_training_manifests = !config.input.fields.are_usual();
  auto spool = std::make_unique<TableSpool>(
      spool_folder, PlanColumns(config.input.kept_fields));
  spool_ = spool.get();
  plan_.rows = std::move(spool);
  built_.files = std::make_unique<PlannedFiles>(spool_folder);
  for (const SplitInput& input : config.input.splits) {
    plan_.split_names.push_back(input.name);
    report_.splits.push_back({.name = input.name,
                              .manifest = input.manifest,
                              .shown = input.Shown()});
    CheckManifest(input, options);
  }
  hasher_.UpdateSized(plan_.contract);
  hasher_.UpdateSized(plan_.producer);
  for (const SplitInput& input : config.input.splits) {
    hasher_.UpdateSized(input.name);
  }
  for (const std::string& field : config.input.kept_fields) {
    hasher_.UpdateSized(field);
  }
}

// Stages 1 and 3 may fail at the same time, hence the lock.
void PlanBuilder::Fail(const Error& error) {
  const std::lock_guard lock(failure_mutex_);
  if (!failure_) failure_ = error;
  failed_ = true;
}

bool PlanBuilder::OpenNextManifest() {
  if (reader_split_ == report_.splits.size()) return false;
  const SplitReport& split = report_.splits[reader_split_];
  Result<LineReader> reader = LineReader::Open(split.manifest);
  if (!reader.ok()) {
    Fail({ErrorCode::kMachineFault,
          fmt::format("cannot read {}: {}", split.shown,
                      reader.error().message)});
    return false;
  }
  reader_ = std::move(reader).value();
  batch_lines_ = BatchLines(split.manifest, config_.resources.num_plan_threads);
  ++reader_split_;
  return true;
}

bool PlanBuilder::ReadBatch(Batch* batch) {
  if (round_bytes_ >= kRoundBytes) return false;
  all_read_ = failed_ || control_->stop_requested() ||
              (!reader_ && !OpenNextManifest());
  if (all_read_) return false;
  SplitReport& split = report_.splits[reader_split_ - 1];
  batch->split = static_cast<uint32_t>(reader_split_ - 1);
  batch->lines.reserve(batch_lines_);
  size_t num_bytes = 0;
  while (batch->lines.size() < batch_lines_ && num_bytes < kBatchBytes) {
    Result<std::optional<Line>> next = reader_->Next();
    if (!next.ok()) {
      Fail({ErrorCode::kMachineFault,
            fmt::format("{}: {}", split.shown, next.error().message),
            next.error().detail});
      all_read_ = true;
      return false;
    }
    if (!next.value()) {
      split.manifest_hash = reader_->ContentHash();
      reader_.reset();
      break;
    }
    Line line = std::move(*next.value());
    if (!line.too_long && IsBlank(line.bytes)) {
      ++split.num_blank_lines;
      continue;
    }
    num_bytes += line.bytes.size();
    PlannedLine& planned = batch->lines.emplace_back();
    planned.row.split = batch->split;
    planned.row.line = line.number;
    planned.line = std::move(line);
  }
  round_bytes_ += num_bytes;
  return true;
}

void PlanBuilder::CountPlanned(const PlannedLine& planned, SplitReport* split) {
  const PlanRow& row = planned.row;
  split->num_samples += static_cast<uint64_t>(row.source.num_samples);
  split->num_frames += static_cast<uint64_t>(row.source.num_frames);
  if (row.source.is_coded_segment()) {
    has_coded_segments_ = true;
  } else {
    split->decode_seconds += DecodeSeconds(row.source.header);
  }
  ++split->rows_by_rate[row.source.header.sample_rate_hz];
  CountRow(planned.language, static_cast<uint64_t>(row.source.num_samples),
           &split->languages);
  repeated_audio_.Add(PieceIdentity(planned.source_identity, row.source));
  if (row.source.is_segment()) {
    sources_of_segments_.push_back(planned.source_identity);
  }
  if (row.source.is_piece()) {
    plan_.has_pieces = true;
    pieces_.Add(planned.identity);
  }
  if (!row.audio_path.empty()) {
    plan_.has_audio_paths = true;
    ++report_.num_audio_paths;
  }
}

// Several pieces of a file count once.
void PlanBuilder::CountIoErrors(const PlanRow& row) {
  if (row.code != RejectCode::kIoError) {
    num_io_errors_in_a_row_ = 0;
    unread_path_.clear();
  } else if (row.written_path() != unread_path_) {
    ++num_io_errors_in_a_row_;
    unread_path_ = row.written_path();
  }
}

void PlanBuilder::AppendLine(PlannedLine* planned) {
  PlanRow& row = planned->row;
  SplitReport& split = report_.splits[row.split];
  const auto place = [&] {  // copied only when it is needed
    return Tally::Example{split.name, row.line, row.audio, row.message,
                          row.audio_path};
  };
  ++split.num_lines;
  split.AddDropped(planned->num_dropped_fields, planned->dropped_fields);
  CountIoErrors(row);
  if (planned->fault || num_io_errors_in_a_row_ == kMaxIoErrorsInARow) {
    return Fail(
        {ErrorCode::kMachineFault,
         fmt::format("{}: {}", row.written_path(),
                     planned->fault ? planned->fault->message : row.message)});
  }
  if (row.is_planned()) {
    last_planned_path_ = row.written_path();
    CountPlanned(*planned, &split);
  } else {
    ++split.num_rejected;
    if (RejectStageName(row.code) == "manifest") ++split.num_bad_lines;
    report_.rejects[row.code].Add(place(), planned->reject_cause);
  }
  if (planned->lacks_template) {
    report_.warnings[Warning::kNoTemplate].Add(place());
  }
  if (planned->repeats_template) {
    report_.warnings[Warning::kDoubledTemplate].Add(place());
  }
  if (planned->needs_no_template) {
    report_.warnings[Warning::kNeedlessTemplate].Add(place());
  }
  if (planned->has_segment_fields || !planned->segment.empty()) {
    plan_.segments = config_.input.segments;
  }
  if (planned->is_clipped) {
    report_.warnings[Warning::kClippedSegment].Add(place());
  }
  if (planned->mixes_channels) {
    report_.warnings[Warning::kMixedChannels].Add(place());
  }
  if (!planned->other_duration.empty()) {
    Tally::Example example = place();
    example.message = planned->other_duration;
    report_.warnings[Warning::kOtherDuration].Add(example);
  }
  if (!planned->segment.empty()) {
    Tally::Example example = place();
    example.message = planned->segment;
    split.segments.Add(example);
    report_.warnings[Warning::kSegment].Add(example);
  }
  if (!planned->language.empty() && !IsKnownLanguage(planned->language)) {
    Tally::Example example = place();
    example.message = planned->language;
    report_.warnings[Warning::kUnknownLanguage].Add(example);
  }
  if (const auto warning = WarningOf(planned->oddity)) {
    report_.warnings[*warning].Add(place());
  }
  HashRow(row, &hasher_);
  Result<void> appended = AppendPlanRow(row, spool_);
  if (appended.ok() && row.is_planned()) {
    appended = built_.files->Add(
        {planned->facts, planned->source_identity, row.source.bytes_to_read()});
  }
  if (!appended.ok()) Fail(appended.error());
}

void PlanBuilder::AppendBatch(Batch batch) {
  for (PlannedLine& planned : batch.lines) {
    if (failed_) return;
    AppendLine(&planned);
  }
  control_->lines_planned += batch.lines.size();
}

// Reading headers waits for the disk, so it uses as many threads as later wait
// for the disk.
void PlanBuilder::RunPipeline() {
  Arena arena(config_.resources.num_plan_threads);
  arena.Run([this] {
    while (!all_read_) RunRound();
  });
}

void PlanBuilder::RunRound() {
  namespace tbb = oneapi::tbb;
  round_bytes_ = 0;
  tbb::parallel_pipeline(
      static_cast<size_t>(2 * config_.resources.num_plan_threads),
      tbb::make_filter<void, Batch>(tbb::filter_mode::serial_in_order,
                                    [this](tbb::flow_control& flow) {
                                      Batch batch;
                                      if (!ReadBatch(&batch)) flow.stop();
                                      return batch;
                                    }) &
          tbb::make_filter<Batch, Batch>(tbb::filter_mode::parallel,
                                         [this](Batch batch) {
                                           for (PlannedLine& line : batch.lines)
                                             planner_.Plan(&line);
                                           return batch;
                                         }) &
          tbb::make_filter<Batch, void>(
              tbb::filter_mode::serial_in_order,
              [this](Batch batch) { AppendBatch(std::move(batch)); }));
}

// Finds out whether single files are missing or the place where they all lie.
Result<void> PlanBuilder::CheckLastPlanned() const {
  const bool any_unopened = std::any_of(
      report_.rejects.begin(), report_.rejects.end(), [](const auto& reject) {
        return RejectStageName(reject.first) == "open" ||
               reject.first == RejectCode::kIoError;
      });
  if (!any_unopened || last_planned_path_.empty()) return {};
  const std::string path =
      ResolveAudioPath(config_.input.audio_root, last_planned_path_);
  const Result<void> read = ReadFromDevice(path);
  if (read.ok()) return {};
  return Error{ErrorCode::kMachineFault,
               fmt::format("{} could be read a moment ago, but now {}", path,
                           read.error().message)};
}

Result<void> PlanBuilder::LayOut() {
  std::vector<uint64_t> split_bytes;
  for (const SplitReport& split : report_.splits) {
    split_bytes.push_back(split.num_frames *
                          config_.features.bytes_per_frame());
  }
  plan_.shard_target_bytes =
      config_.store.shard_bytes.value_or(ChooseShardBytes(split_bytes));
  hasher_.UpdateU64(plan_.shard_target_bytes);
  plan_.fingerprint = hasher_.Digest();
  Result<std::vector<PlannedShard>> shards = LayOutShards(
      *plan_.rows,
      {plan_.contract, plan_.producer, config_.features.bytes_per_frame()},
      plan_.shard_target_bytes);
  if (!shards.ok()) return shards.error();
  plan_.shards = std::move(shards).value();
  if (!has_coded_segments_) return {};
  const Result<DecodeCost> decodes =
      CountDecodes(plan_, *built_.files, config_.features.bytes_per_frame(),
                   std::move(sources_of_segments_));
  if (!decodes.ok()) return decodes.error();
  report_.segment_decodes = decodes.value();
  return {};
}

Result<BuiltPlan> PlanBuilder::Build() {
  RunPipeline();
  if (failure_) return *failure_;
  if (control_->stop_requested()) {
    return Error{ErrorCode::kMachineFault, "stopped"};
  }
  for (const SplitReport& split : report_.splits) {
    if (split.num_lines == 0) {
      throw SetupError(
          fmt::format("{}: the manifest holds no lines", split.shown));
    }
  }
  const uint64_t num_rejected = report_.num_rejected();
  if (num_rejected == report_.num_lines() ||
      !config_.max_rejects.Allows(num_rejected, report_.num_lines())) {
    CheckFormats(report_, MakeManifestOptions(config_));
  }
  if (config_.input.segments != SegmentUse::kNone) {
    CheckNoSegments(report_, config_.input.segments);
  }
  report_.num_pieces = pieces_.num_pieces();
  report_.num_files_of_pieces = pieces_.CountFiles();
  Result<void> done = CheckLastPlanned();
  if (done.ok())
    done = repeated_audio_.Tell(*plan_.rows, *built_.files, &report_);
  if (done.ok()) {
    done = TellOverlaps(*plan_.rows, *built_.files, sources_of_segments_,
                        &report_);
  }
  if (done.ok()) done = LayOut();
  if (!done.ok()) return done.error();
  return std::move(built_);
}

}  // namespace

Result<BuiltPlan> BuildPlan(const RunConfig& config,
                            const std::string& spool_folder,
                            RunControl* control) {
  return PlanBuilder(config, spool_folder, control).Build();
}

}  // namespace melmill
