#include "tools/melmill/report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "io/manifest/manifest.h"
#include "tools/melmill/exit_codes.h"
#include "tools/melmill/terminal/console.h"

namespace melmill {
namespace {

constexpr double kSecondsPerHour = 3600;

double Hours(uint64_t num_samples, const RunReport& report) {
  const int rate_hz = report.plan->preset().log_mel.mel.sample_rate_hz;
  return static_cast<double>(num_samples) / rate_hz / kSecondsPerHour;
}

uint64_t StoredSamples(const StoreIndex& store) {
  uint64_t sum = 0;
  for (const SplitEntry& split : store.splits) sum += split.num_samples;
  return sum;
}

uint64_t HopLength(const RunReport& report) {
  return static_cast<uint64_t>(report.plan->preset().log_mel.hop_length);
}

double RealTimeFactor(const RunReport& report) {
  const uint64_t num_samples = report.num_frames_made * HopLength(report);
  return report.total_seconds > 0 ? Hours(num_samples, report) *
                                        kSecondsPerHour / report.total_seconds
                                  : 0;
}

std::map<std::string, LanguageCount> SumLanguages(const Plan& plan) {
  std::map<std::string, LanguageCount> sum;
  for (const SplitPlan& split : plan.splits) {
    for (const auto& [name, count] : split.languages) {
      sum[name].num_rows += count.num_rows;
      sum[name].num_samples += count.num_samples;
    }
  }
  return sum;
}

std::map<int, uint64_t> SumRates(const Plan& plan) {
  std::map<int, uint64_t> sum;
  for (const SplitPlan& split : plan.splits) {
    for (const auto& [rate_hz, rows] : split.rows_by_rate) sum[rate_hz] += rows;
  }
  return sum;
}

// "1 line", "2 lines".
std::string Counted(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string Place(const Tally::Example& example) {
  std::string text = fmt::format("{} line {}", example.split, example.line);
  if (!example.audio.empty()) text += ": " + Printable(example.audio);
  return text;
}

std::string_view WarningName(Warning warning) {
  switch (warning) {
    case Warning::kNoTemplate:
      return "no_template";
    case Warning::kUnknownLanguage:
      return "unknown_language";
    case Warning::kSegment:
      return "segment";
    case Warning::kRepeatedAudio:
      return "repeated_audio";
    case Warning::kLeak:
      return "leak";
    case Warning::kNoDataSize:
      return "no_data_size";
    case Warning::kFileSizeAsDataSize:
      return "file_size_as_data_size";
    case Warning::kBytesBehindData:
      return "bytes_behind_data";
    case Warning::kCutBehindData:
      return "cut_behind_data";
  }
  return "";
}

std::string DescribeWarning(Warning warning, const Tally& tally) {
  switch (warning) {
    case Warning::kNoTemplate:
      return fmt::format(
          "{} without \"language {{Name}}<asr_text>{{transcript}}\" "
          "(--strict-text rejects them)",
          Counted(tally.count, "text"));
    case Warning::kUnknownLanguage:
      return fmt::format(
          "{} with a language that is not in the model's list, such as \"{}\"",
          Counted(tally.count, "text"), Printable(tally.examples[0].message));
    case Warning::kSegment:
      return fmt::format(
          "{} with an offset or start: WHOLE FILES ARE USED, not segments of "
          "them",
          Counted(tally.count, "line"));
    case Warning::kRepeatedAudio:
      return fmt::format(
          "{} with the audio file of an earlier line: each is stored",
          Counted(tally.count, "line"));
    case Warning::kLeak:
      return fmt::format(
          "LEAK: {} with an audio file that another split has too",
          Counted(tally.count, "line"));
    case Warning::kNoDataSize:
      return fmt::format(
          "{} without a size: read to the end; missing audio cannot be noticed",
          Counted(tally.count, "WAV file"));
    case Warning::kFileSizeAsDataSize:
      return fmt::format(
          "{} with the size of the file in place of the size of the samples: "
          "read to the end",
          Counted(tally.count, "WAV file"));
    case Warning::kBytesBehindData:
      return fmt::format("{} with meaningless bytes after the samples: ignored",
                         Counted(tally.count, "WAV file"));
    case Warning::kCutBehindData:
      return fmt::format(
          "{} cut off after the samples, in a chunk that is not needed: no "
          "audio is missing",
          Counted(tally.count, "WAV file"));
  }
  return "";
}

void AddWarnings(const RunReport& report, std::string* text) {
  for (const std::string& note : report.notes) {
    *text += fmt::format("warning: {}\n", Printable(note));
  }
  if (!report.plan) return;
  for (const auto& [warning, tally] : report.plan->warnings) {
    *text += fmt::format("warning: {}\n", DescribeWarning(warning, tally));
    for (const Tally::Example& example : tally.examples) {
      *text += fmt::format("  {}\n", Place(example));
    }
  }
  for (const SplitPlan& split : report.plan->splits) {
    if (split.num_blank_lines > 0) {
      *text += fmt::format("{}: {} skipped\n", split.name,
                           Counted(split.num_blank_lines, "blank line"));
    }
    if (split.num_dropped_fields > 0) {
      *text +=
          fmt::format("{}: {} dropped (--keep FIELD stores one)\n", split.name,
                      Counted(split.num_dropped_fields, "further field"));
    }
  }
}

void AddRejected(const RunReport& report, std::string* text) {
  if (report.num_rejected == 0) return;
  *text += fmt::format("rejected {} of {} lines:\n", report.num_rejected,
                       report.plan->num_lines());
  std::vector<std::pair<ErrorCode, const Tally*>> reasons;
  for (const auto& [code, tally] : report.rejects) {
    reasons.emplace_back(code, &tally);
  }
  std::stable_sort(reasons.begin(), reasons.end(),
                   [](const auto& a, const auto& b) {
                     return a.second->count > b.second->count;
                   });
  for (const auto& [code, tally] : reasons) {
    *text += fmt::format("  {:6} {}\n", tally->count, ErrorCodeName(code));
    for (const Tally::Example& example : tally->examples) {
      *text += fmt::format("         {}: {}\n", Place(example),
                           Printable(example.message));
    }
  }
}

void AddDamages(const RunReport& report, std::string* text) {
  const bool is_rebuilt = report.status == RunStatus::kFinished;
  for (const Damage& damage : report.damages) {
    *text += fmt::format("damaged: {}{}\n", DescribeDamage(damage),
                         is_rebuilt ? "; rebuilt" : "");
  }
}

// The lines that the plan rejects, in the manifests' order.
void AddRejectedLines(const RunReport& report, std::string* text) {
  if (report.num_rejected <= Tally::kMaxExamples) return;
  const size_t num_listed = report.rejected_lines.size();
  const bool all = num_listed == report.num_rejected;
  *text += all ? "every rejected line:\n"
               : fmt::format("the first {} rejected lines:\n", num_listed);
  for (const auto& [code, line] : report.rejected_lines) {
    *text += fmt::format("  {}: {}: {}\n", Place(line), ErrorCodeName(code),
                         Printable(line.message));
  }
  if (all) return;
  *text +=
      fmt::format("  and {} more: extract lists all of them in rejects.jsonl\n",
                  report.num_rejected - num_listed);
}

void AddLanguages(const RunReport& report, std::string* text) {
  const auto languages = SumLanguages(*report.plan);
  if (languages.size() == 1 && languages.begin()->first.empty()) return;
  *text += "languages:\n";
  for (const auto& [name, count] : languages) {
    const std::string label =
        name.empty() ? "(none given)"
                     : name + (IsKnownLanguage(name) ? "" : " (unknown)");
    *text += fmt::format("  {:24} {:9} rows {:9.2f} h\n", Printable(label),
                         count.num_rows, Hours(count.num_samples, report));
  }
}

void AddRates(const RunReport& report, std::string* text) {
  *text += "sample rates:\n";
  for (const auto& [rate_hz, rows] : SumRates(*report.plan)) {
    *text += fmt::format("  {:21} Hz {:9} rows\n", rate_hz, rows);
  }
}

void AddChange(const PlanChange& change, std::string* text) {
  const std::string lines =
      change.is_compared
          ? fmt::format("{} added, {} removed, {} changed{}",
                        Counted(change.num_added, "line"), change.num_gone,
                        change.num_changed,
                        change.is_reordered ? ", others moved" : "")
          : "which lines changed is not known without plan.h5";
  *text += fmt::format(
      "since the store was made: {}{}; {} to keep, {} to make\n", lines,
      change.num_mended > 0
          ? fmt::format(", {} with a new outcome",
                        Counted(change.num_mended, "rejected line"))
          : "",
      Counted(change.num_shards_kept, "shard"), change.num_shards_to_make);
  if (change.audio.count == 0) return;
  *text += fmt::format("{} with other audio of the same size:\n",
                       Counted(change.audio.count, "file"));
  for (const Tally::Example& example : change.audio.examples) {
    *text += fmt::format("  {}\n", Place(example));
  }
}

void AddPlanned(const RunReport& report, std::string* text) {
  const Plan& plan = *report.plan;
  *text += fmt::format("{} of {} lines can be stored: {:.2f} h, {} in {}\n",
                       plan.num_lines() - plan.num_rejected(), plan.num_lines(),
                       Hours(plan.num_samples(), report),
                       FormatBytes(report.store_bytes),
                       Counted(plan.shards.size(), "shard"));
}

void AddStored(const RunReport& report, std::string* text) {
  const StoreIndex& store = *report.store;
  *text += fmt::format(
      "stored {}, {:.2f} h, {} in {} ({} made, {} kept)\n",
      Counted(store.num_stored(), "row"), Hours(StoredSamples(store), report),
      FormatBytes(report.store_bytes), Counted(store.shards.size(), "shard"),
      report.num_shards_made, report.num_shards_kept);
}

void AddTime(const RunReport& report, std::string* text) {
  *text += fmt::format("{:.2f} s in all, {:.2f} s of it for the plan",
                       report.total_seconds, report.plan_seconds);
  if (report.num_frames_made > 0) {
    *text += fmt::format("; {:.0f} x real time", RealTimeFactor(report));
  }
  *text += '\n';
  if (report.num_shards_made > 0) {
    *text += FindBottleneck(report.telemetry).line + '\n';
  }
}

std::vector<std::string> AcceptedFiles(const RunReport& report,
                                       const std::string& out) {
  std::vector<std::string> files;
  if (!report.store) return files;
  for (const SplitEntry& split : report.store->splits) {
    files.push_back(out + '/' + split.accepted.file);
  }
  return files;
}

std::string TrainOn(const RunReport& report, const std::string& out) {
  constexpr size_t kMaxNamed = 8;
  std::vector<std::string> files = AcceptedFiles(report, out);
  const size_t num_files = files.size();
  files.resize(std::min(num_files, kMaxNamed));
  std::string text =
      "train on " + Printable(fmt::format("{}", fmt::join(files, " ")));
  if (num_files > kMaxNamed) {
    text += fmt::format(" and {} more: {}/*.accepted.jsonl",
                        num_files - kMaxNamed, Printable(out));
  }
  return text;
}

std::string_view StatusName(RunStatus status) {
  switch (status) {
    case RunStatus::kPlanned:
      return "planned";
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

// What a run that ended early has, and how the rest is made.
std::string DescribeKept(const RunReport& report, std::string_view how = "") {
  const uint64_t num_kept = report.num_shards_made + report.num_shards_kept;
  return FormatKept(num_kept, num_kept + report.num_shards_left, how);
}

// The last line: what to do next.
std::string NextStep(const RunReport& report, const std::string& out) {
  switch (report.status) {
    case RunStatus::kPlanned:
      return report.num_rejected == 0
                 ? "all lines are good"
                 : fmt::format("{} would be rejected",
                               Counted(report.num_rejected, "line"));
    case RunStatus::kFinished:
      return TrainOn(report, out);
    case RunStatus::kNothingToDo:
      return "nothing to do: the store is complete; " + TrainOn(report, out);
    case RunStatus::kTooManyRejects:
      return "more lines are rejected than --max-rejects allows: nothing was "
             "extracted";
    case RunStatus::kNeedsUpdate:
      return fmt::format(
          "error: the input has changed since {} was made; nothing was "
          "written: "
          "--update applies the changes",
          Printable(out));
    case RunStatus::kStopped:
      return DescribeKept(report);
    case RunStatus::kMachineFault:
      return fmt::format(
          "error: {}\n{}", Printable(report.fault->message),
          DescribeKept(report,
                       " (with --update if the manifest or files have "
                       "changed)"));
  }
  return "";
}

using nlohmann::ordered_json;

// Paths may hold bytes that are no UTF-8.
// Objects below start as such, not as null: without memory to turn null into
// one, the library leaves an object without content, whose destruction crashes.
std::string DumpLine(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) +
         '\n';
}

ordered_json JsonTallies(const RunReport& report) {
  ordered_json reasons = ordered_json::object();
  for (const auto& [code, tally] : report.rejects) {
    reasons[std::string(ErrorCodeName(code))] = tally.count;
  }
  return reasons;
}

ordered_json JsonWarnings(const Plan& plan) {
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

void AddJsonPlan(const RunReport& report, ordered_json* json) {
  (*json)["lines"] = report.plan->num_lines();
  (*json)["rejected"] = report.num_rejected;
  (*json)["rejects"] = JsonTallies(report);
  (*json)["warnings"] = JsonWarnings(*report.plan);
  (*json)["languages"] = JsonLanguages(report);
  (*json)["planned_hours"] = Hours(report.plan->num_samples(), report);
  (*json)["bytes"] = report.store_bytes;
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
                       {"changed", change.num_changed},
                       {"mended", change.num_mended},
                       {"files_changed", change.audio.count},
                       {"reordered", change.is_reordered}};
  if (change.is_compared) return json;
  for (const char* unknown : {"added", "gone", "changed", "reordered"}) {
    json[unknown] = nullptr;
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
}

}  // namespace

std::string FormatSummary(const RunReport& report, const std::string& out) {
  std::string text;
  AddWarnings(report, &text);
  AddDamages(report, &text);
  if (report.plan) {
    AddRejected(report, &text);
    if (report.status == RunStatus::kPlanned ||
        report.status == RunStatus::kTooManyRejects) {
      AddRejectedLines(report, &text);
    }
    if (!report.store) {
      AddRates(report, &text);
      AddLanguages(report, &text);
      AddPlanned(report, &text);
    }
  }
  if (report.change) AddChange(*report.change, &text);
  if (report.store) {
    AddLanguages(report, &text);
    AddStored(report, &text);
  }
  if (report.plan) AddTime(report, &text);
  return text + NextStep(report, out) + '\n';
}

std::string FormatJsonReport(const RunReport& report, const std::string& out,
                             int exit_code) {
  auto json = ordered_json::object();
  json["status"] = StatusName(report.status);
  json["exit_code"] = exit_code;
  if (report.fault) json["error"] = report.fault->message;
  if (report.plan) AddJsonPlan(report, &json);
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
  json["plan_seconds"] = report.plan_seconds;
  json["seconds"] = report.total_seconds;
  json["x_real_time"] = report.plan ? RealTimeFactor(report) : 0;
  if (report.telemetry.num_threads > 0) {
    json["extraction"] = JsonTelemetry(report.telemetry);
  }
  return DumpLine(json);
}

std::string FormatJsonSetupError(const std::string& message) {
  auto json = ordered_json::object();
  json["status"] = "setup_error";
  json["exit_code"] = static_cast<int>(kExitUsage);
  json["error"] = message;
  return DumpLine(json);
}

std::string FormatKept(uint64_t num_kept, uint64_t num_shards,
                       std::string_view how) {
  if (num_shards == 0) return "nothing was made; run the same command again.";
  return fmt::format("{} of {} kept; run the same command to resume{}.",
                     num_kept, Counted(num_shards, "shard"), how);
}

std::string FormatJsonFault(const std::string& message) {
  return DumpLine(JsonFault(message));
}

std::string FormatJsonFault(const std::string& message,
                            const RunControl& control) {
  const uint64_t num_made = control.shards_made;
  const uint64_t num_kept = control.shards_kept;
  ordered_json json = JsonFault(message);
  json["shards_made"] = num_made;
  json["shards_kept"] = num_kept;
  json["shards_left"] = control.shards_in_all - num_kept - num_made;
  return DumpLine(json);
}

std::string DescribeDamage(const Damage& damage) {
  std::string text = damage.file + ": " + damage.what;
  if (damage.line > 0) {
    text += fmt::format(" ({} line {}: {})", damage.split, damage.line,
                        damage.audio);
  }
  return Printable(text);
}

std::string FormatNotice(const PlanNotice& notice) {
  const double hours = static_cast<double>(notice.num_samples) /
                       notice.sample_rate_hz / kSecondsPerHour;
  std::string text = fmt::format("planned {} of {}, {:.2f} h; {} to make, {}",
                                 notice.num_lines - notice.num_rejected,
                                 Counted(notice.num_lines, "line"), hours,
                                 Counted(notice.num_shards_to_make, "shard"),
                                 FormatBytes(notice.bytes_to_write));
  if (notice.free_bytes > 0) {
    text += fmt::format(" of {} free", FormatBytes(notice.free_bytes));
  }
  return text + '\n';
}

int ExitCodeOf(const RunReport& report, const RunConfig& config,
               const RunControl& control) {
  switch (report.status) {
    case RunStatus::kStopped:
      return kExitSignal + control.stop_signal();
    case RunStatus::kMachineFault:
      return kExitMachine;
    case RunStatus::kNeedsUpdate:
      return kExitUsage;
    case RunStatus::kTooManyRejects:
      return kExitRejects;
    case RunStatus::kPlanned:
    case RunStatus::kFinished:
    case RunStatus::kNothingToDo:
      break;
  }
  const MaxRejects allowed = config.max_rejects.value_or(MaxRejects());
  return allowed.Allows(report.num_rejected, report.plan->num_lines())
             ? kExitOk
             : kExitRejects;
}

}  // namespace melmill
