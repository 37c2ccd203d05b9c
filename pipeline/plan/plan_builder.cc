#include "pipeline/plan/plan_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include "io/hash.h"
#include "io/manifest/language.h"
#include "io/manifest/manifest.h"
#include "pipeline/extract/unreadable_files.h"
#include "pipeline/input/manifest_check.h"
#include "pipeline/input/overlapping_audio.h"
#include "pipeline/input/planned_line.h"
#include "pipeline/input/segment_check.h"
#include "pipeline/lines/line_batches.h"
#include "pipeline/lines/line_faults.h"
#include "pipeline/lines/plan_chunks.h"
#include "pipeline/plan/decode_cost.h"
#include "pipeline/plan/piece_count.h"
#include "pipeline/plan/read_source.h"
#include "pipeline/plan/repeated_audio.h"
#include "pipeline/plan/shard_cutter.h"
#include "pipeline/plan/speed_estimate.h"
#include "pipeline/plan/tally.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "store/plan/plan_row.h"
#include "store/table/table_spool.h"

namespace melmill {
namespace {

class PlanBuilder {
 public:
  PlanBuilder(const RunConfig& config, const std::string& spool_folder,
              const PlanChunks* chunks, RunControl* control);

  Result<BuiltPlan> Build();

 private:
  Result<void> AppendBatch(LineBatch* batch);
  Result<void> AppendLine(PlannedLine* planned);
  void CountPlanned(const PlannedLine& planned, SplitReport* split);

  Result<void> CheckLastPlanned() const;
  Result<void> LayOut();

  const RunConfig& config_;
  const PlanChunks* chunks_;  // or null
  RunControl* control_;
  BuiltPlan built_;
  Plan& plan_ = built_.plan;
  PlanReport& report_ = built_.report;
  TableSpool* spool_ = nullptr;  // plan_.rows

  RepeatedAudio repeated_audio_;
  std::vector<uint64_t> sources_of_segments_;
  bool has_coded_segments_ = false;
  PieceCount pieces_;
  Hasher128 hasher_;
  LineFaults faults_;
  std::string last_planned_path_;
};

PlanBuilder::PlanBuilder(const RunConfig& config,
                         const std::string& spool_folder,
                         const PlanChunks* chunks, RunControl* control)
    : config_(config), chunks_(chunks), control_(control) {
  CheckConfig(config);
  CheckInputFiles(config);
  plan_.contract = config.features.Contract();
  plan_.producer = config.features.Producer();
  plan_.kept_fields = config.input.kept_fields;
  plan_.has_training_manifests = !config.input.fields.are_usual();
  auto spool = std::make_unique<TableSpool>(
      spool_folder, PlanColumns(config.input.kept_fields));
  spool_ = spool.get();
  plan_.rows = std::move(spool);
  built_.files = std::make_unique<PlannedFiles>(spool_folder);
  report_.splits = MakeSplitReports(config.input);
  for (const SplitInput& input : config.input.splits) {
    plan_.split_names.push_back(input.name);
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

Result<void> PlanBuilder::AppendLine(PlannedLine* planned) {
  PlanRow& row = planned->row;
  SplitReport& split = report_.splits[row.split];
  const auto place = [&] {  // copied only when it is needed
    return Tally::Example{split.name, row.line, row.audio, row.message,
                          row.audio_path};
  };
  ++split.num_lines;
  split.AddDropped(planned->num_dropped_fields, planned->dropped_fields);
  const Result<void> checked = faults_.Check(*planned);
  if (!checked.ok()) return checked;
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
  return appended;
}

Result<void> PlanBuilder::AppendBatch(LineBatch* batch) {
  for (PlannedLine& planned : batch->lines) {
    const Result<void> appended = AppendLine(&planned);
    if (!appended.ok()) return appended;
  }
  built_.num_known_lines += batch->num_known;
  return {};
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
  BatchReader reader(config_, chunks_, {}, &report_.splits);
  const Result<void> planned =
      PlanBatches(config_, &reader, chunks_, control_,
                  [this](LineBatch* batch) { return AppendBatch(batch); });
  if (!planned.ok()) return planned.error();
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
                            RunControl* control, const PlanChunks* chunks) {
  return PlanBuilder(config, spool_folder, chunks, control).Build();
}

}  // namespace melmill
