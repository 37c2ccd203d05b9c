#include "tools/melmill/report/summary_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "io/manifest/language.h"
#include "io/manifest/manifest.h"
#include "pipeline/plan/tally.h"
#include "pipeline/run/plan_change.h"
#include "pipeline/run/run_report.h"
#include "pipeline/setup/byte_size.h"
#include "store/origin.h"
#include "tools/melmill/exit_code.h"
#include "tools/melmill/hours.h"
#include "tools/melmill/report/parts_text.h"
#include "tools/melmill/report/quantities.h"
#include "tools/melmill/report/rejects_text.h"
#include "tools/melmill/report/report_facts.h"
#include "tools/melmill/report/warnings_text.h"
#include "tools/melmill/terminal/console.h"

namespace melmill {
namespace {

void AddAllRejects(const RunReport& report, const RunConfig& config,
                   std::string* text) {
  *text += FormatRejects(report.rejects, report.num_lines().value_or(0),
                         config.input.audio_root);
}

void AddDamages(const RunReport& report, std::string* text) {
  const bool is_rebuilt = report.status == RunStatus::kFinished;
  for (const Damage& damage : report.damages) {
    *text += fmt::format("damaged: {}{}\n", DescribeDamage(damage),
                         is_rebuilt ? "; rebuilt" : "");
  }
}

// What rows are, if not whole files whose path is their audio string.
void AddKindsOfRows(const RunReport& report, std::string* text) {
  const PlanReport& plan = *report.plan;
  if (plan.num_audio_paths > 0) {
    *text += Counted(plan.num_audio_paths,
                     "row has audio at a URL and is read from its audio_path",
                     "rows have audio at URLs and are read from their "
                     "audio_path") +
             '\n';
  }
  if (plan.num_pieces == 0) return;
  *text +=
      fmt::format("{} of {}\n",
                  Counted(plan.num_pieces, "row is a piece", "rows are pieces"),
                  Counted(plan.num_files_of_pieces, "file"));
}

void AddLanguages(const RunReport& report, std::string* text) {
  const auto languages = SumLanguages(*report.plan);
  if (languages.size() == 1 && languages.begin()->first.empty()) return;
  *text += "languages:\n";
  for (const auto& [name, count] : languages) {
    const std::string label =
        name.empty() ? "(none given)"
                     : name + (IsKnownLanguage(name) ? "" : " (unknown)");
    *text += fmt::format("  {:24} {:>16}  {:>9}\n", Printable(label),
                         Counted(count.num_rows, "row"),
                         FormatDuration(Seconds(count.num_samples, report)));
  }
}

void AddRates(const RunReport& report, std::string* text) {
  *text += "sample rates:\n";
  for (const auto& [rate_hz, rows] : report.plan->rows_by_rate()) {
    *text += fmt::format("  {:24} {:>16}\n", fmt::format("{} Hz", rate_hz),
                         Counted(rows, "row"));
  }
}

void AddExamples(const Tally& tally, std::string* text) {
  for (const Tally::Example& example : tally.examples) {
    *text += fmt::format(
        "  {}{}\n", FormatPlace(example),
        example.message.empty() ? "" : ": " + Printable(example.message));
  }
}

void AddChange(const PlanChange& change, std::string* text) {
  const std::string lines =
      change.is_compared
          ? fmt::format("{} added, {} removed, {} changed{}",
                        Counted(change.num_added, "line"), change.num_gone,
                        change.changed.count,
                        change.is_reordered ? ", others moved" : "")
          : "which lines changed is not known without plan.h5";
  *text += fmt::format(
      "since the store was made: {}{}; {} to keep, {} to make\n", lines,
      change.num_rejects_changed > 0
          ? fmt::format(", {} with a new outcome",
                        Counted(change.num_rejects_changed, "rejected line"))
          : "",
      Counted(change.num_shards_kept, "shard"), change.num_shards_to_make);
  AddExamples(change.changed, text);
  for (const std::string& split : change.gone_splits) {
    *text += fmt::format(
        "split {} is no longer given: its rows leave the store (did you forget "
        "its manifest?)\n",
        Printable(split));
  }
  if (change.audio.count == 0) return;
  *text += fmt::format("{} with other audio of the same size:\n",
                       Counted(change.audio.count, "file"));
  AddExamples(change.audio, text);
}

// What a store of the planned rows would take, as each feature type.
void AddSizes(const RunReport& report, const FeatureSpec& features,
              std::string* text) {
  std::vector<std::string> sizes;
  for (const FeatureType type : kFeatureTypes) {
    const uint64_t num_bytes = report.store_bytes /
                               FeatureSize(features.feature_type) *
                               FeatureSize(type);
    sizes.push_back(fmt::format("{} as {}{}", FormatBytes(num_bytes),
                                FeatureTypeWord(type),
                                type == features.feature_type ? " (now)" : ""));
  }
  *text += fmt::format("size of the store: {}\n", fmt::join(sizes, ", "));
  *text += fmt::format(
      "time to compute: {} with {}, if the disk keeps "
      "up\n",
      report.estimated_seconds < 1
          ? "under 1 s"
          : "about " + FormatDuration(report.estimated_seconds),
      Counted(static_cast<uint64_t>(report.num_threads), "thread"));
  if (report.free_bytes > 0) {
    *text +=
        fmt::format("free on the disk: {}\n", FormatBytes(report.free_bytes));
  }
}

void AddPlanned(const RunReport& report, std::string* text) {
  const PlanReport& plan = *report.plan;
  *text += fmt::format("{} of {} can be stored: {}, {} in {}\n",
                       FormatCount(plan.num_lines() - plan.num_rejected()),
                       Counted(plan.num_lines(), "line"),
                       FormatDuration(Seconds(plan.num_samples(), report)),
                       FormatBytes(report.store_bytes),
                       Counted(report.num_shards_planned, "shard"));
}

void AddStored(const RunReport& report, std::string* text) {
  const StoreIndex& store = *report.store;
  *text += fmt::format(
      "stored {}, {}, {} in {} ({} made, {} kept)\n",
      Counted(store.num_stored(), "row"),
      FormatDuration(Seconds(StoredSamples(store), report)),
      FormatBytes(report.store_bytes), Counted(store.shards.size(), "shard"),
      FormatCount(report.num_shards_made), FormatCount(report.num_shards_kept));
}

void AddTime(const RunReport& report, std::string* text) {
  *text += fmt::format("took {}, {} of it for the plan",
                       FormatDuration(report.total_seconds),
                       FormatDuration(report.plan_seconds));
  if (report.num_frames_made > 0) {
    *text += fmt::format(
        "; {} x real time",
        FormatCount(static_cast<uint64_t>(RealTimeFactor(report) + 0.5)));
  }
  *text += '\n';
  if (report.num_shards_made > 0) {
    *text += FindBottleneck(report.telemetry).line + '\n';
  }
}

std::string TrainOn(const RunReport& report, const std::string& out) {
  constexpr size_t kMaxNamed = 8;
  std::vector<std::string> files = TrainingFiles(report, out);
  const bool has_training = !files.empty();
  if (!has_training) files = AcceptedFiles(report, out);
  const size_t num_files = files.size();
  files.resize(std::min(num_files, kMaxNamed));
  std::string text =
      "train on " + Printable(fmt::format("{}", fmt::join(files, " ")));
  if (num_files > kMaxNamed) {
    text += fmt::format(" and {} more: {}/*.{}.jsonl", num_files - kMaxNamed,
                        Printable(out), has_training ? "training" : "accepted");
  }
  return text;
}

// What to do with a store whose features lie elsewhere.
std::string DescribeCopies(const RunReport& report, const std::string& out) {
  return fmt::format(
      "the features of {} are not in {}: melmill push {} URL completes the "
      "store there, and melmill pull without --for-finish brings them\n",
      Counted(report.num_without_features, "shard"), Printable(out),
      Printable(ShellLine({out})));
}

// What a run that ended early has made, and how to make the rest.
std::string DescribeKept(const RunReport& report, std::string_view how = "") {
  if (report.chunks) {
    return "whole chunks of the plan are kept; run the same command to resume.";
  }
  const uint64_t num_kept = report.num_shards_made + report.num_shards_kept;
  return FormatKept(num_kept, num_kept + report.num_shards_left, how);
}

// The number of rejected lines, as "56 of 213 lines rejected (26 %)".
std::string CountRejected(const RunReport& report) {
  const uint64_t num_lines = report.num_lines().value_or(0);
  return fmt::format("{} of {} rejected ({})", FormatCount(report.num_rejected),
                     Counted(num_lines, "line"),
                     FormatShare(report.num_rejected, num_lines));
}

// "--max-rejects", with what it allows.
std::string DescribeLimit(const MaxRejects& limit) {
  if (!limit.is_percent) return fmt::format("--max-rejects {:g}", limit.value);
  return fmt::format("--max-rejects {:g}%{}", limit.value,
                     limit.at_least > 0 ? " (the default)" : "");
}

// The last lines: what to do next.
std::string NextStep(const RunReport& report, const std::string& out) {
  switch (report.status) {
    case RunStatus::kPlanned:
      if (report.num_rejected == 0 && !report.plan->warnings.empty()) {
        return fmt::format("all lines can be stored; see the {} above\n",
                           Counted(report.plan->warnings.size(), "warning"));
      }
      return report.num_rejected == 0 ? "all lines are good\n"
                                      : CountRejected(report) + '\n';
    case RunStatus::kPlanWritten:
      return PartsToMake(report, out);
    case RunStatus::kFinished:
    case RunStatus::kNothingToDo: {
      std::string text = report.num_without_features > 0
                             ? DescribeCopies(report, out)
                             : TrainOn(report, out) + '\n';
      if (report.store && report.store->has_pieces()) {
        text +=
            "rows are pieces of files: a training script that loads the audio "
            "by itself would get whole files; train from the store "
            "(docs/training.md)\n";
      }
      if (report.status == RunStatus::kNothingToDo) {
        text = "nothing to do: the store is complete\n" + text;
      }
      if (report.num_rejected > 0) {
        text += fmt::format("{}; {}/rejects.jsonl has the reasons\n",
                            CountRejected(report), Printable(out));
      }
      return text;
    }
    case RunStatus::kPlanPartDone:
    case RunStatus::kPartDone:
    case RunStatus::kDoubtful:
    case RunStatus::kShardsMissing:
    case RunStatus::kTooManyRejects:
    case RunStatus::kNeedsUpdate:
    case RunStatus::kStopped:
    case RunStatus::kMachineFault:
      return "";
  }
  return "";
}

std::string DescribeTooManyRejects(const RunReport& report,
                                   const RunConfig& config) {
  std::string text =
      fmt::format("error: {}, more than {} allows", CountRejected(report),
                  DescribeLimit(config.max_rejects));
  if (report.status == RunStatus::kTooManyRejects) {
    text += "; nothing was extracted";
  } else if (report.store) {
    text += "; the store is complete without these lines";
  }
  return text +
         fmt::format(
             "\n  most of them: {}\n  to accept them: --max-rejects {}\n",
             FormatLargestCauses(report.rejects), report.num_rejected);
}

}  // namespace

std::string FormatWarnings(const RunReport& report) {
  std::string text;
  for (const std::string& note : report.notes) {
    text += fmt::format("warning: {}\n", Printable(note));
  }
  if (report.plan) text += FormatLateWarnings(*report.plan);
  AddDamages(report, &text);
  return text;
}

std::string FormatSummary(const RunReport& report, const RunConfig& config) {
  std::string text;
  switch (report.status) {
    case RunStatus::kStopped:
    case RunStatus::kMachineFault:
    case RunStatus::kDoubtful:
    case RunStatus::kShardsMissing:
      break;
    case RunStatus::kPlanPartDone:
      text = FormatPlanPart(report, config.store.folder);
      break;
    case RunStatus::kPartDone:
      text = FormatPart(report);
      break;
    case RunStatus::kNeedsUpdate:
      AddChange(*report.change, &text);
      break;
    case RunStatus::kPlanWritten:
    case RunStatus::kTooManyRejects:
      text = DescribeKnownLines(report);
      AddKindsOfRows(report, &text);
      AddAllRejects(report, config, &text);
      AddPlanned(report, &text);
      break;
    case RunStatus::kPlanned:
      AddKindsOfRows(report, &text);
      AddAllRejects(report, config, &text);
      AddRates(report, &text);
      AddLanguages(report, &text);
      AddPlanned(report, &text);
      AddSizes(report, config.features, &text);
      AddTime(report, &text);
      break;
    case RunStatus::kFinished:
    case RunStatus::kNothingToDo:
      if (report.plan) AddKindsOfRows(report, &text);
      AddAllRejects(report, config, &text);
      if (report.change) AddChange(*report.change, &text);
      if (report.plan) AddLanguages(report, &text);
      AddStored(report, &text);
      if (report.plan) AddTime(report, &text);
      break;
  }
  return text + NextStep(report, config.store.folder);
}

std::string FormatProblem(const RunReport& report, const RunConfig& config) {
  if (HasTooManyRejects(report, config)) {
    return DescribeTooManyRejects(report, config);
  }
  switch (report.status) {
    case RunStatus::kNeedsUpdate:
      return fmt::format(
          "error: the input has changed since {} was made; nothing was "
          "written\n  --update applies the changes\n",
          Printable(config.store.folder));
    case RunStatus::kStopped:
      return DescribeKept(report) + '\n';
    case RunStatus::kDoubtful:
      return DescribeDoubts(report);
    case RunStatus::kShardsMissing:
      return DescribeMissing(report, config.store.folder);
    case RunStatus::kMachineFault:
      return fmt::format(
          "error: {}\n{}\n", Printable(report.fault->message),
          DescribeKept(report,
                       " (with --update if the manifest or files have "
                       "changed)"));
    default:
      return "";
  }
}

std::string FormatKept(uint64_t num_kept, uint64_t num_shards,
                       std::string_view how) {
  if (num_shards == 0) return "nothing was made; run the same command again.";
  return fmt::format("{} of {} kept; run the same command to resume{}.",
                     num_kept, Counted(num_shards, "shard"), how);
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
  const double seconds =
      Hours(notice.num_samples, notice.sample_rate_hz) * kSecondsPerHour;
  std::string text =
      fmt::format("planned {} of {}, {}; {} to make, {}",
                  FormatCount(notice.num_lines - notice.num_rejected),
                  Counted(notice.num_lines, "line"), FormatDuration(seconds),
                  Counted(notice.num_shards_to_make, "shard"),
                  FormatBytes(notice.bytes_to_write));
  if (notice.free_bytes > 0) {
    text += fmt::format(" of {} free", FormatBytes(notice.free_bytes));
  }
  return text + '\n';
}

}  // namespace melmill
