#include "pipeline/run/make_shards.h"

#include <string>
#include <utility>

#include "pipeline/row/row_task.h"
#include "pipeline/row/row_watch.h"
#include "pipeline/row/suspects_file.h"
#include "pipeline/run/suspects.h"

namespace melmill {

ExtractOutcome MakeShards(const ShardsToMake& job, RunReport* report) {
  const std::string& folder = job.config.store.folder;
  const Resources& resources = job.config.resources;
  ExtractOutcome made;
  const Result<Suspects> suspects = ReadAllSuspects(folder);
  if (!suspects.ok()) {
    made.fault = suspects.error();
    return made;
  }
  Result<Quarantine> quarantine =
      TrySuspects(suspects.value(), job.work, job.shards, job.processor,
                  resources.hang_seconds, *job.control, &report->notes);
  if (job.control->stop_requested()) return made;
  if (!quarantine.ok()) {
    made.fault = quarantine.error();
    return made;
  }
  for (const size_t index : job.shards) {
    job.control->frames_to_do += job.work.plan.shards[index].num_frames;
    job.control->rows_to_do += job.work.plan.shards[index].num_rows;
  }
  job.control->phase = RunControl::Phase::kExtract;
  if (!job.shards.empty()) {
    const RowWatch watch(WatchOptions(folder, job.work.plan,
                                      resources.hang_seconds, *job.control));
    made = Extract(
        {.work = job.work,
         .processor = job.processor,
         .shards = job.shards,
         .folder = folder,
         .num_threads = resources.num_threads,
         .num_io_threads = resources.num_io_threads,
         .max_bytes_in_flight = resources.memory_bytes - kBaseMemoryBytes,
         .control = job.control,
         .quarantine = std::move(quarantine).value(),
         .local = job.local,
         .may_reject = job.may_reject});
  }
  report->num_shards_made = made.committed.size();
  report->num_shards_left = job.shards.size() - made.committed.size();
  report->num_frames_made = job.control->frames_done;
  report->telemetry = made.telemetry;
  return made;
}

}  // namespace melmill
