#include "tools/melmill/report/summary_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "io/manifest/language.h"
#include "io/manifest/manifest.h"
#include "pipeline/setup/byte_size.h"
#include "tools/melmill/report/report_facts.h"
#include "tools/melmill/terminal/console.h"

namespace melmill {
namespace {

std::string Place(const Tally::Example& example) {
  std::string text = fmt::format("{} line {}", example.split, example.line);
  if (!example.audio.empty()) text += ": " + Printable(example.audio);
  return text;
}

std::string DescribeWarning(Warning warning, const Tally& tally) {
  switch (warning) {
    case Warning::kNoTemplate:
      return fmt::format(
          "{} texts do not follow \"language {{Name}}<asr_text>{{transcript}}\""
          " (--strict-text rejects them)",
          tally.count);
    case Warning::kUnknownLanguage:
      return fmt::format(
          "{} texts name a language that is not in the model's "
          "list, such as \"{}\"",
          tally.count, Printable(tally.examples[0].message));
    case Warning::kSegment:
      return fmt::format(
          "{} lines have an offset or start: WHOLE FILES ARE "
          "USED, not segments of them",
          tally.count);
    case Warning::kRepeatedAudio:
      return fmt::format("{} lines name an audio file again; each is stored",
                         tally.count);
    case Warning::kLeak:
      return fmt::format(
          "LEAK: {} lines name an audio file that another split holds too",
          tally.count);
    case Warning::kNoDataSize:
      return fmt::format(
          "{} WAV files do not say how long they are: read to their end, so "
          "none of them can be seen to be cut off",
          tally.count);
    case Warning::kFileSizeAsDataSize:
      return fmt::format(
          "{} WAV files give the size of the file as that of the samples: "
          "read to their end",
          tally.count);
    case Warning::kBytesBehindData:
      return fmt::format(
          "{} WAV files have bytes behind their samples that are no chunk: "
          "ignored",
          tally.count);
    case Warning::kCutBehindData:
      return fmt::format(
          "{} WAV files are cut off behind their samples, in a chunk that is "
          "not needed: all samples are there",
          tally.count);
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
      *text += fmt::format("{}: {} blank lines skipped\n", split.name,
                           split.num_blank_lines);
    }
    if (split.num_dropped_fields > 0) {
      *text += fmt::format(
          "{}: {} further fields dropped (--keep FIELD stores one)\n",
          split.name, split.num_dropped_fields);
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
  const bool is_mended = report.status == RunStatus::kFinished;
  for (const Damage& damage : report.damages) {
    *text += fmt::format("damaged: {}{}\n", DescribeDamage(damage),
                         is_mended ? "; made again" : "");
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
      fmt::format("  and {} more: extract names all of them in rejects.jsonl\n",
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
          ? fmt::format("{} lines added, {} gone, {} changed{}",
                        change.num_added, change.num_gone, change.num_changed,
                        change.is_reordered ? ", others moved" : "")
          : "which lines have changed is not known without its plan.h5";
  *text += fmt::format(
      "against the store as it is: {}{}; {} shards kept, {} to make\n", lines,
      change.num_mended > 0
          ? fmt::format(", {} rejected ones with another outcome now",
                        change.num_mended)
          : "",
      change.num_shards_kept, change.num_shards_to_make);
  if (change.audio.count == 0) return;
  *text +=
      fmt::format("{} files changed, of the same size:\n", change.audio.count);
  for (const Tally::Example& example : change.audio.examples) {
    *text += fmt::format("  {}\n", Place(example));
  }
}

void AddPlanned(const RunReport& report, std::string* text) {
  const Plan& plan = *report.plan;
  *text += fmt::format("{} of {} lines can be stored: {:.2f} h, {} in {} {}\n",
                       plan.num_lines() - plan.num_rejected(), plan.num_lines(),
                       Hours(plan.num_samples(), report),
                       FormatBytes(report.store_bytes), plan.shards.size(),
                       plan.shards.size() == 1 ? "shard" : "shards");
}

void AddStored(const RunReport& report, std::string* text) {
  const StoreIndex& store = *report.store;
  *text +=
      fmt::format("stored {} rows, {:.2f} h, {} in {} {} ({} made, {} kept)\n",
                  store.num_stored(), Hours(StoredSamples(store), report),
                  FormatBytes(report.store_bytes), store.shards.size(),
                  store.shards.size() == 1 ? "shard" : "shards",
                  report.num_shards_made, report.num_shards_kept);
}

void AddTime(const RunReport& report, std::string* text) {
  *text += fmt::format("{:.2f} s, of which the plan took {:.2f} s",
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

// What a run that ended early has, and how the rest is made.
std::string DescribeKept(const RunReport& report, std::string_view how = "") {
  const uint64_t num_kept = report.num_shards_made + report.num_shards_kept;
  return FormatKept(num_kept, num_kept + report.num_shards_left, how);
}

// The last line: what to do next.
std::string NextStep(const RunReport& report, const std::string& out) {
  switch (report.status) {
    case RunStatus::kPlanned:
      return report.num_rejected == 0 ? "all lines are good"
                                      : "the other lines are good";
    case RunStatus::kFinished:
      return TrainOn(report, out);
    case RunStatus::kNothingToDo:
      return "nothing to do: the store is complete; " + TrainOn(report, out);
    case RunStatus::kTooManyRejects:
      return "more lines are rejected than --max-rejects allows: nothing was "
             "extracted";
    case RunStatus::kNeedsUpdate:
      return fmt::format(
          "{} was made from another input: nothing was changed; --update makes "
          "it follow",
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
  return fmt::format("{} of {} {} kept; run the same command to resume{}.",
                     num_kept, num_shards, num_shards == 1 ? "shard" : "shards",
                     how);
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
  std::string text = fmt::format(
      "planned {} of {} lines, {:.2f} h; {} shards to make, {}",
      notice.num_lines - notice.num_rejected, notice.num_lines, hours,
      notice.num_shards_to_make, FormatBytes(notice.bytes_to_write));
  if (notice.free_bytes > 0) {
    text += fmt::format(" of {} free", FormatBytes(notice.free_bytes));
  }
  return text + '\n';
}

}  // namespace melmill
