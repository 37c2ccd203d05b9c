#ifndef MELMILL_PIPELINE_RUN_SHARD_CHECK_H_
#define MELMILL_PIPELINE_RUN_SHARD_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "io/result.h"
#include "pipeline/folder/found_store.h"
#include "pipeline/plan/planned_work.h"
#include "pipeline/plan/reject_tally.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/suspects_file.h"
#include "pipeline/setup/run_control.h"
#include "store/damage.h"
#include "store/shard/shard_writer.h"
#include "store/store_index.h"

namespace melmill {

struct ShardCheck {
  std::vector<size_t> to_make;  // indices into work.plan.shards, each file once
  std::map<size_t, ShardWriter::Committed> kept;  // by the same indices
  std::vector<Damage> damages;       // existing shards that must be rebuilt
  uint64_t num_rejects_changed = 0;  // rows with another outcome now
  RejectTallies still_rejected;      // rows of the kept shards
  // The kept shards whose files are copies without features, by file name.
  std::vector<std::string> without_features;
};

struct ShardCheckJob {
  PlannedWork work;
  const std::string& folder;
  const StoreIndex* index = nullptr;  // store.json, if there is one
  bool read_features = false;         // otherwise reads the rest only
  bool try_rejects = true;  // otherwise rejected rows stay as they are
  const RowComputer& processor;
  const Suspects& suspects;  // rows to try alone
  double hang_seconds;       // time limit of such a row
  RunControl* control;
};

// Finds the shards of the plan that are missing, damaged or of another plan,
// and those with rejected rows whose audio now gives another outcome. Call it
// under a RowWatch. Error: kMachineFault, also once a stop is requested, which
// is checked at each row.
Result<ShardCheck> CheckShards(const ShardCheckJob& job);

// Throws SetupError if a shard is a copy without features. Such a folder is for
// the finish alone; its shards are whole elsewhere.
void RequireFeatures(const ShardCheck& check, const std::string& folder);

// Whether all files of a complete store except the shards exist and are intact.
// Adds the others to `damages`, except those in found.damages. `read_all` is as
// in CheckFile. Error: kMachineFault, also once a stop is requested.
Result<bool> CheckOtherFiles(const FoundStore& found, const std::string& folder,
                             bool read_all, const RunControl& control,
                             std::vector<Damage>* damages);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_SHARD_CHECK_H_
