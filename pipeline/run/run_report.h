#ifndef MELMILL_PIPELINE_RUN_RUN_REPORT_H_
#define MELMILL_PIPELINE_RUN_RUN_REPORT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dsp/log_mel/log_mel.h"
#include "io/result.h"
#include "pipeline/extract/telemetry.h"
#include "pipeline/folder/doubts_file.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/plan/reject_tally.h"
#include "pipeline/run/plan_change.h"
#include "store/damage.h"
#include "store/store_index.h"

namespace melmill {

enum class RunStatus {
  kPlanned,         // for validate, which writes nothing
  kPlanWritten,     // for plan: the store's folder has plan and job
  kPlanPartDone,    // for a part of plan: its chunks are there
  kPartDone,        // for a part: all its shards are there
  kDoubtful,        // for a part: some shards have rows it could not read
  kShardsMissing,   // for finish: parts have not made all shards
  kFinished,        // the store is complete
  kNothingToDo,     // the store was complete before
  kTooManyRejects,  // the plan rejects more than allowed; nothing extracted
  kNeedsUpdate,     // the store was made from another input; see `change`
  kStopped,         // stopped by a signal; a rerun resumes
  kMachineFault,    // see `fault`; a rerun resumes
};

// What a plan, or a part of one, kept of the manifests.
struct PlannedChunks {
  uint64_t num_chunks = 0;       // 0 if it is not known
  uint64_t num_lines = 0;        // of these chunks
  uint64_t num_known_lines = 0;  // of them, those that earlier runs read
};

// What a run did, for people and programs.
struct RunReport {
  RunStatus status = RunStatus::kPlanned;
  std::optional<Error> fault;
  std::optional<PlanReport> plan;       // set once there is a plan
  std::optional<PlannedChunks> chunks;  // of a plan that keeps them
  LogMelOptions log_mel;                // options of the features
  std::optional<PlanChange> change;     // if there was a store before
  std::optional<StoreIndex> store;      // set once it is complete
  // Rejects by reason: those of the plan, and all of them once the store is
  // complete.
  RejectTallies rejects;
  uint64_t num_rejected = 0;  // sum of `rejects`
  // Files of the existing store that were damaged. If the run finished, they
  // were rebuilt.
  std::vector<Damage> damages;
  // Lasting oddities of the machine, such as a file system without locks.
  std::vector<std::string> notes;

  uint64_t store_bytes = 0;  // planned, or on disk once complete
  uint64_t free_bytes = 0;   // on the disk; 0 if unknown
  uint64_t num_shards_planned = 0;
  uint64_t num_shards_made = 0;  // by this run
  uint64_t num_shards_kept = 0;  // from earlier ones
  uint64_t num_shards_left = 0;  // planned for this run but not made
  // Shards of the complete store whose features are not in this folder.
  uint64_t num_without_features = 0;
  std::string missing_shards;  // for kShardsMissing, as --shards takes them
  std::vector<DoubtfulRow> doubts;  // for kDoubtful and kShardsMissing
  uint64_t num_frames_made = 0;     // frames of the rows this run extracted
  // What the computing of a plan of validate is likely to take.
  double estimated_seconds = 0;
  int num_threads = 0;  // that this holds for
  double plan_seconds = 0;
  double total_seconds = 0;
  Telemetry telemetry;  // all 0 without an extraction

  // All lines of the manifests; nothing before there is a plan or a store.
  std::optional<uint64_t> num_lines() const {
    if (plan) return plan->num_lines();
    if (!store) return std::nullopt;
    uint64_t sum = 0;
    for (const SplitEntry& split : store->splits) sum += split.num_lines;
    return sum;
  }
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_RUN_REPORT_H_
