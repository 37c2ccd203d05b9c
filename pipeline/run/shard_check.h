#ifndef MELMILL_PIPELINE_RUN_SHARD_CHECK_H_
#define MELMILL_PIPELINE_RUN_SHARD_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "io/result.h"
#include "pipeline/plan/planned_work.h"
#include "pipeline/plan/tally.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/suspects_file.h"
#include "pipeline/run/found_store.h"
#include "pipeline/setup/run_control.h"
#include "store/damage.h"
#include "store/shard/shard_writer.h"
#include "store/store_index.h"

namespace melmill {

struct ShardCheck {
  std::vector<size_t> to_make;  // of work.plan.shards, each file once
  std::map<size_t, ShardWriter::Committed> kept;  // likewise
  std::vector<Damage> damages;       // what is to be made though it was there
  uint64_t num_rejects_changed = 0;  // with another outcome now
  std::map<RejectCode, Tally> still_rejected;  // rows, of the shards kept
};

struct ShardCheckJob {
  PlannedWork work;
  const std::string& folder;
  const StoreIndex* index = nullptr;  // what store.json says, if there is one
  bool read_features = false;         // or all but the features
  const RowComputer& processor;
  const Suspects& suspects;  // rows to be tried alone
  double hang_seconds;       // of a row that is
  RunControl* control;
};

// Finds the shards of the plan that are missing, damaged, of another plan, or
// that hold rejected rows whose audio now gives another outcome. Call it under
// a RowWatch. Errors: kMachineFault, also once a stop is requested, which is
// checked at each row.
Result<ShardCheck> CheckShards(const ShardCheckJob& job);

// Whether the files of a complete store that are no shards are there and
// whole. Adds those that are not to `damages`, but for what found.damages has.
// `read_all`: as CheckFile. Errors: kMachineFault, also once a stop is
// requested.
Result<bool> CheckOtherFiles(const FoundStore& found, const std::string& folder,
                             bool read_all, const RunControl& control,
                             std::vector<Damage>* damages);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_SHARD_CHECK_H_
