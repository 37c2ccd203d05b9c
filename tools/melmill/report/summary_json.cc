#include "tools/melmill/report/summary_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "pipeline/run/plan_change.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_control.h"
#include "store/json_object.h"
#include "tools/melmill/exit_code.h"
#include "tools/melmill/hours.h"
#include "tools/melmill/report/report_facts.h"

namespace melmill {
namespace {

using nlohmann::ordered_json;

std::string_view StatusName(RunStatus status) {
  switch (status) {
    case RunStatus::kPlanned:
      return "planned";
    case RunStatus::kPlanWritten:
      return "plan_written";
    case RunStatus::kPlanPartDone:
      return "plan_part_done";
    case RunStatus::kPartDone:
      return "part_done";
    case RunStatus::kDoubtful:
      return "doubtful";
    case RunStatus::kShardsMissing:
      return "shards_missing";
    case RunStatus::kFinished:
      return "finished";
    case RunStatus::kNothingToDo:
      return "nothing_to_do";
    case RunStatus::kTooManyRejects:
      return "too_many_rejects";
    case RunStatus::kNeedsUpdate:
      return "needs_update";
    case RunStatus::kStopped:
      return "stopped";
    case RunStatus::kMachineFault:
      return "machine_fault";
  }
  return "";
}

// The values below are objects from the start, not null. If the library has no
// memory to turn null into an object, it leaves an object without content,
// whose destructor crashes.

ordered_json JsonTallies(const RunReport& report) {
  ordered_json reasons = ordered_json::object();
  for (const auto& [code, tally] : report.rejects) {
    reasons[std::string(RejectCodeName(code))] = tally.count;
  }
  return reasons;
}

ordered_json JsonWarnings(const PlanReport& plan) {
  ordered_json warnings = ordered_json::object();
  for (const auto& [warning, tally] : plan.warnings) {
    warnings[std::string(WarningName(warning))] = tally.count;
  }
  return warnings;
}

ordered_json JsonLanguages(const RunReport& report) {
  ordered_json languages = ordered_json::object();
  for (const auto& [name, count] : SumLanguages(*report.plan)) {
    languages[name] = {{"rows", count.num_rows},
                       {"hours", Hours(count.num_samples, report)}};
  }
  return languages;
}

void AddJsonRejects(const RunReport& report, ordered_json* json) {
  (*json)["lines"] = *report.num_lines();
  (*json)["rejected"] = report.num_rejected;
  (*json)["rejects"] = JsonTallies(report);
}

void AddJsonPlan(const RunReport& report, ordered_json* json) {
  AddJsonRejects(report, json);
  (*json)["warnings"] = JsonWarnings(*report.plan);
  (*json)["languages"] = JsonLanguages(report);
  if (report.plan->num_audio_paths > 0) {
    (*json)["audio_paths"] = report.plan->num_audio_paths;
  }
  if (report.plan->num_pieces > 0) {
    (*json)["pieces"] = report.plan->num_pieces;
    (*json)["files_of_pieces"] = report.plan->num_files_of_pieces;
  }
  const DecodeCost& decodes = report.plan->segment_decodes;
  if (decodes.num_segments > 0) {
    (*json)["coded_segments"] = {
        {"rows", decodes.num_segments},
        {"hours", decodes.segment_s / kSecondsPerHour},
        {"decoded_hours", decodes.decoded_s / kSecondsPerHour},
        {"decoded_hours_if_sorted", decodes.sorted_s / kSecondsPerHour},
        {"files_decoded_again", decodes.num_files_decoded_again}};
  }
  (*json)["planned_hours"] = Hours(report.plan->num_samples(), report);
  (*json)["bytes"] = report.store_bytes;
  if (report.status == RunStatus::kPlanned) {
    (*json)["free_bytes"] = report.free_bytes;
    (*json)["estimated_seconds"] = report.estimated_seconds;
  }
}

void AddJsonChunks(const RunReport& report, ordered_json* json) {
  if (report.status == RunStatus::kPlanPartDone) {
    (*json)["lines"] = report.chunks->num_lines;
    (*json)["rejected"] = report.num_rejected;
    (*json)["chunks"] = report.chunks->num_chunks;
  }
  (*json)["lines_planned_before"] = report.chunks->num_known_lines;
}

ordered_json JsonTelemetry(const Telemetry& telemetry) {
  const BottleneckReport bottleneck = FindBottleneck(telemetry);
  auto json = ordered_json::object();
  json["seconds"] = telemetry.seconds;
  json["threads"] = telemetry.num_threads;
  json["io_threads"] = telemetry.num_io_threads;
  json["busy_share"] = telemetry.BusyShare();
  json["stages"] = ordered_json::object();
  for (size_t i = 0; i < kNumStages; ++i) {
    const auto stage = static_cast<Stage>(i);
    json["stages"][std::string(StageName(stage))] = {
        {"seconds", telemetry.compute.Of(stage)},
        {"busy_share", telemetry.BusyShare(stage)}};
  }
  json["read_bytes"] = telemetry.compute.bytes_read;
  json["stored_bytes"] = telemetry.compute.bytes_stored;
  json["rows_read_in_place"] = telemetry.rows_read_in_place;
  json["rows_read_by_waiting"] = telemetry.rows_read_by_waiting;
  json["waiting_read_seconds"] = telemetry.read_seconds;
  json["mean_reads_waiting"] = telemetry.mean_reads_waiting;
  json["commit_seconds"] = telemetry.commit_seconds;
  json["max_bytes_in_flight"] = telemetry.max_bytes_in_flight;
  json["bottleneck"] = bottleneck.name;
  json["bottleneck_line"] = bottleneck.line;
  return json;
}

ordered_json JsonChange(const PlanChange& change) {
  ordered_json json = {{"added", change.num_added},
                       {"gone", change.num_gone},
                       {"changed", change.changed.count},
                       {"mended", change.num_rejects_changed},
                       {"files_changed", change.audio.count},
                       {"reordered", change.is_reordered}};
  if (change.is_compared) return json;
  for (const char* unknown : {"added", "gone", "changed", "reordered"}) {
    json[unknown] = nullptr;
  }
  return json;
}

ordered_json JsonDoubts(const std::vector<DoubtfulRow>& doubts) {
  auto json = ordered_json::array();
  for (const DoubtfulRow& row : doubts) {
    json.push_back({{"shard", row.shard},
                    {"split", row.split},
                    {"line", row.line},
                    {"audio", row.audio},
                    {"message", row.message},
                    {"host", row.machine.host}});
  }
  return json;
}

ordered_json JsonFault(const std::string& message) {
  auto json = ordered_json::object();
  json["status"] = StatusName(RunStatus::kMachineFault);
  json["exit_code"] = static_cast<int>(kExitMachine);
  json["error"] = message;
  return json;
}

void AddJsonStore(const RunReport& report, const std::string& out,
                  ordered_json* json) {
  const StoreIndex& store = *report.store;
  (*json)["stored"] = store.num_stored();
  (*json)["hours"] = Hours(StoredSamples(store), report);
  (*json)["shards"] = store.shards.size();
  (*json)["accepted"] = AcceptedFiles(report, out);
  const std::vector<std::string> training = TrainingFiles(report, out);
  if (!training.empty()) (*json)["training"] = training;
  if (report.num_without_features > 0) {
    (*json)["shards_without_features"] = report.num_without_features;
  }
}

}  // namespace

std::string FormatJsonReport(const RunReport& report, const std::string& out,
                             int exit_code) {
  auto json = ordered_json::object();
  json["status"] = StatusName(report.status);
  json["exit_code"] = exit_code;
  if (report.fault) json["error"] = report.fault->message;
  if (report.plan) {
    AddJsonPlan(report, &json);
  } else if (report.store) {
    AddJsonRejects(report, &json);
  } else if (report.num_shards_made > 0) {  // by a part
    json["rejected"] = report.num_rejected;
  }
  if (report.chunks) AddJsonChunks(report, &json);
  if (report.store) AddJsonStore(report, out, &json);
  if (report.change) {
    json["change"] = JsonChange(*report.change);
  }
  json["damaged"] = ordered_json::array();
  for (const Damage& damage : report.damages) {
    json["damaged"].push_back({{"file", damage.file}, {"what", damage.what}});
  }
  json["shards_made"] = report.num_shards_made;
  json["shards_kept"] = report.num_shards_kept;
  json["shards_left"] = report.num_shards_left;
  if (report.status == RunStatus::kShardsMissing) {
    json["missing"] = report.missing_shards;
  }
  if (!report.doubts.empty()) json["doubts"] = JsonDoubts(report.doubts);
  json["plan_seconds"] = report.plan_seconds;
  json["seconds"] = report.total_seconds;
  json["x_real_time"] = report.plan ? RealTimeFactor(report) : 0;
  if (report.telemetry.num_threads > 0) {
    json["extraction"] = JsonTelemetry(report.telemetry);
  }
  return JsonText(json) + '\n';
}

std::string FormatJsonSetupError(const std::string& message) {
  auto json = ordered_json::object();
  json["status"] = "setup_error";
  json["exit_code"] = static_cast<int>(kExitUsage);
  json["error"] = message;
  return JsonText(json) + '\n';
}

std::string FormatJsonFault(const std::string& message) {
  return JsonText(JsonFault(message)) + '\n';
}

std::string FormatJsonFault(const std::string& message,
                            const RunControl& control) {
  const uint64_t num_made = control.shards_made;
  const uint64_t num_kept = control.shards_kept;
  ordered_json json = JsonFault(message);
  json["shards_made"] = num_made;
  json["shards_kept"] = num_kept;
  json["shards_left"] = control.shards_in_all - num_kept - num_made;
  return JsonText(json) + '\n';
}

std::string FormatJsonDoubts(const std::vector<DoubtfulRow>& doubts) {
  return JsonText(JsonDoubts(doubts));
}

}  // namespace melmill
