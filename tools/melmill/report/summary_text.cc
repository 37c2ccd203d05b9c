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
#include "tools/melmill/hours.h"
#include "tools/melmill/report/report_facts.h"
#include "tools/melmill/terminal/console.h"

namespace melmill {
namespace {

// A count with its noun: "1 line", "2 lines".
std::string Counted(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string Place(const Tally::Example& example) {
  std::string text = fmt::format("{} line {}", example.split, example.line);
  if (!example.audio.empty()) text += ": " + Printable(example.audio);
  return text;
}

std::string DescribeWarning(Warning warning, const Tally& tally) {
  switch (warning) {
    case Warning::kNoTemplate:
      return fmt::format(
          "{} without \"language {{Name}}<asr_text>{{transcript}}\" "
          "(--strict-text rejects them)",
          Counted(tally.count, "text"));
    case Warning::kDoubledTemplate:
      return fmt::format(
          "{} with \"language {{Name}}<asr_text>\" twice: the second one is "
          "learned as words",
          Counted(tally.count, "text"));
    case Warning::kUnknownLanguage:
      return fmt::format(
          "{} with a language that is not in the model's list, such as \"{}\"",
          Counted(tally.count, "text"), Printable(tally.examples[0].message));
    case Warning::kSegment:
      return fmt::format(
          "{} with a part of a file (offset, start, segment): WHOLE FILES ARE "
          "USED",
          Counted(tally.count, "line"));
    case Warning::kRepeatedAudio:
      return fmt::format(
          "{} with the audio file of an earlier line: each is stored",
          Counted(tally.count, "line"));
    case Warning::kLeak:
      return fmt::format(
          "LEAK: {} with an audio file that another split has too",
          Counted(tally.count, "line"));
    case Warning::kCopiedAudio:
      return fmt::format(
          "{} with a copy of the audio of an earlier line: each is stored",
          Counted(tally.count, "line"));
    case Warning::kCopyLeak:
      return fmt::format(
          "LEAK: {} with a copy of an audio file that another split has",
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
    const bool is_copy =
        warning == Warning::kCopiedAudio || warning == Warning::kCopyLeak;
    for (const Tally::Example& example : tally.examples) {
      *text += fmt::format("  {}{}\n", Place(example),
                           is_copy ? " is a copy of " + example.message : "");
    }
  }
  for (const SplitReport& split : report.plan->splits) {
    if (split.num_blank_lines > 0) {
      *text += fmt::format("{}: {} skipped\n", split.name,
                           Counted(split.num_blank_lines, "blank line"));
    }
    if (split.num_dropped_fields > 0) {
      *text += fmt::format("{}: {} dropped: {}{} (--keep FIELD stores one)\n",
                           split.name,
                           Counted(split.num_dropped_fields, "further field"),
                           fmt::join(split.dropped_fields, ", "),
                           split.drops_more_fields ? " and others" : "");
    }
  }
}

void AddRejected(const RunReport& report, std::string* text) {
  if (report.num_rejected == 0) return;
  *text += fmt::format("rejected {} of {} lines:\n", report.num_rejected,
                       report.plan->num_lines());
  std::vector<std::pair<RejectCode, const Tally*>> reasons;
  for (const auto& [code, tally] : report.rejects) {
    reasons.emplace_back(code, &tally);
  }
  std::stable_sort(reasons.begin(), reasons.end(),
                   [](const auto& a, const auto& b) {
                     return a.second->count > b.second->count;
                   });
  for (const auto& [code, tally] : reasons) {
    *text += fmt::format("  {:6} {}\n", tally->count, RejectCodeName(code));
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

// Adds the lines that the plan rejects, in the order of the manifests.
void AddRejectedLines(const RunReport& report, std::string* text) {
  if (report.num_rejected <= Tally::kMaxExamples) return;
  const size_t num_listed = report.rejected_lines.size();
  const bool all = num_listed == report.num_rejected;
  *text += all ? "every rejected line:\n"
               : fmt::format("the first {} rejected lines:\n", num_listed);
  for (const auto& [code, line] : report.rejected_lines) {
    *text += fmt::format("  {}: {}: {}\n", Place(line), RejectCodeName(code),
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
      change.num_rejects_changed > 0
          ? fmt::format(", {} with a new outcome",
                        Counted(change.num_rejects_changed, "rejected line"))
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
  const PlanReport& plan = *report.plan;
  *text += fmt::format("{} of {} lines can be stored: {:.2f} h, {} in {}\n",
                       plan.num_lines() - plan.num_rejected(), plan.num_lines(),
                       Hours(plan.num_samples(), report),
                       FormatBytes(report.store_bytes),
                       Counted(report.num_shards_planned, "shard"));
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

// What a run that ended early has made, and how to make the rest.
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
  const double hours = Hours(notice.num_samples, notice.sample_rate_hz);
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

}  // namespace melmill
