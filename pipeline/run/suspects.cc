#include "pipeline/run/suspects.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "io/hash.h"
#include "pipeline/extract/open_shard.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_list.h"
#include "pipeline/row/row_task.h"
#include "pipeline/row/row_trial.h"
#include "pipeline/row/suspects_file.h"
#include "pipeline/setup/run_control.h"
#include "store/plan/plan_row.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

std::string Describe(const std::string& split, uint64_t line,
                     const std::string& audio) {
  return fmt::format("{} line {} ({})", split, line, audio);
}

// Describes the first row with that source, as in "train line 17 (a.wav)".
std::string DescribeRow(const Plan& plan, const Hash128& source_hash) {
  std::string description = "a row";
  Hasher128 hasher;
  (void)VisitPlanRows(
      *plan.rows, 0, plan.rows->num_rows(),
      [&](uint64_t, const PlanRow& row) -> Result<Visiting> {
        hasher.Reset();
        HashRowSource(row, &hasher);
        if (!row.is_planned() || hasher.Digest() != source_hash) {
          return Visiting::kGoOn;
        }
        description =
            Describe(plan.split_names[row.split], row.line, row.audio);
        return Visiting::kEnough;
      });
  return description;
}

// The path of a file, and where in that path's bytes it begins.
using FilePlace = std::pair<std::string, uint64_t>;

}  // namespace

Result<Suspects> ReadAllSuspects(const std::string& folder) {
  const Result<std::vector<std::string>> names = ListFolder(folder);
  if (!names.ok()) return names.error();
  Suspects suspects;
  for (const std::string& name : names.value()) {
    if (!IsSuspectsFileName(name)) continue;
    const Result<Suspects> more = ReadSuspects(folder + '/' + name);
    if (!more.ok()) return more.error();
    suspects.insert(more.value().begin(), more.value().end());
  }
  return suspects;
}

Result<Quarantine> TrySuspects(const Suspects& suspects,
                               const PlannedWork& work,
                               const std::vector<size_t>& shards,
                               const RowComputer& processor,
                               double hang_seconds, const RunControl& control,
                               std::vector<std::string>* notes) {
  Quarantine quarantine;
  std::set<Hash128> tried;
  std::set<FilePlace> files;  // coded, with a segment that ended again
  bool has_more = !suspects.empty();
  while (has_more) {
    has_more = false;
    for (const size_t index : shards) {
      const PlannedShard& shard = work.plan.shards[index];
      const Result<RowList> tasks = RowList::Load(work, shard);
      if (!tasks.ok()) return tasks.error();
      for (size_t i = 0; i < tasks.value().size(); ++i) {
        const RowTask task = tasks.value()[i];
        const bool ended_a_run = suspects.contains(task.source_hash);
        const bool is_segment = task.source.is_coded_segment();
        const FilePlace file(task.path, task.source.range.offset);
        const bool may_end =
            ended_a_run || (is_segment && files.contains(file));
        if (!may_end || !tried.insert(task.source_hash).second) continue;
        const Result<std::optional<int>> ended =
            TryRowAlone(task, processor, hang_seconds, control);
        if (!ended.ok()) return ended.error();
        if (ended.value()) {
          quarantine[task.source_hash] = *ended.value();
          if (is_segment && files.insert(file).second) has_more = true;
        }
        if (!ended_a_run) continue;
        notes->push_back(fmt::format(
            "{} ended an earlier run, {}",
            Describe(work.plan.split_names[shard.split], task.line, task.audio),
            ended.value() ? "and again when tried alone: rejected"
                          : "but not when tried alone"));
      }
    }
  }
  return quarantine;
}

RowWatch::Options WatchOptions(const std::string& folder, const Plan& plan,
                               double hang_seconds, const RunControl& control) {
  return {.file = folder + '/' + SuspectsFileName(),
          .hang_seconds = hang_seconds,
          .on_hung = [&plan, hang_seconds, &control](const Hash128& row) {
            control.EndProcess(fmt::format(
                "{} has made no progress for {:g} s (--hang-after); run the "
                "same command again: it tries that row alone",
                DescribeRow(plan, row), hang_seconds));
          }};
}

}  // namespace melmill
