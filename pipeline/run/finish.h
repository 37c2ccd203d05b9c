#ifndef MELMILL_PIPELINE_RUN_FINISH_H_
#define MELMILL_PIPELINE_RUN_FINISH_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "io/result.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/plan/planned_work.h"
#include "pipeline/plan/tally.h"
#include "store/shard/shard_writer.h"
#include "store/store_index.h"

namespace melmill {

struct FinishedStore {
  StoreIndex index;
  std::map<RejectCode, Tally> rejects;  // of plan and extraction
};

// Turns a folder that holds plan.h5 and every shard of it into a store: split
// tables, accepted manifests, the ledger and, last, store.json. A function of
// the plan and the shards alone.
// `splits`: the manifests, as planning read them.
// `committed`: what is known of the shards (the others are read).
// Errors: kMachineFault, also when a manifest changed since the plan.
Result<FinishedStore> FinishStore(
    const PlannedWork& work, const std::vector<SplitReport>& splits,
    const std::string& folder,
    const std::map<size_t, ShardWriter::Committed>& committed);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_FINISH_H_
