#ifndef MELMILL_PIPELINE_RUN_FINISH_H_
#define MELMILL_PIPELINE_RUN_FINISH_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "io/result.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/plan/planned_files.h"
#include "pipeline/plan/planned_work.h"
#include "pipeline/plan/reject_tally.h"
#include "store/shard/shard_writer.h"
#include "store/store_index.h"

namespace melmill {

struct FinishedStore {
  StoreIndex index;
  RejectTallies rejects;  // those of the extraction, without the plan's
  std::map<Warning, Tally> copies;  // kCopiedAudio and kCopyLeak
};

// Turns a folder with plan.h5 and all its shards into a store. Writes split
// tables, accepted and training manifests, rejects.jsonl and, last, store.json.
// The result depends only on the plan and the shards. `splits` are the
// manifests as planning read them, `files` the audio files if this process
// planned, otherwise null: then two names of one file count as copies.
// `committed` is what is known of the shards; the others are read. Error:
// kMachineFault, also if a manifest changed since the plan.
Result<FinishedStore> FinishStore(
    const PlannedWork& work, const std::vector<SplitReport>& splits,
    const PlannedFiles* files, const std::string& folder,
    const std::map<size_t, ShardWriter::Committed>& committed);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_FINISH_H_
