#ifndef MELMILL_PIPELINE_UPDATE_H_
#define MELMILL_PIPELINE_UPDATE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/result.h"
#include "io/shard_writer.h"
#include "io/store_index.h"
#include "pipeline/damage.h"
#include "pipeline/plan.h"
#include "pipeline/plan_file.h"
#include "pipeline/record.h"
#include "pipeline/row_watch.h"
#include "pipeline/store_folder.h"

namespace melmill {

// What a run finds in the folder that it will write to.
struct FoundStore {
  std::optional<StoreIndex> index;  // of a complete store
  std::optional<StoredPlan> plan;   // of any run that got so far
  // Of store.json or plan.h5, which then counts as not there.
  std::vector<Damage> damages;
  SeenFiles files;  // all that lay in the folder

  bool is_empty() const { return !index && !plan; }
  std::optional<FileIdentity> FindFile(const std::string& name) const;
};

// Throws SetupError when the folder holds something else: files that are not
// melmill's, another format, another contract or producer (naming every
// difference), or another shard size than the configuration asks for.
// Errors: kMachineFault for what cannot be read.
Result<FoundStore> InspectFolder(const RunConfig& config);

// What a new plan changes in a store.
struct PlanChange {
  // The lines could be compared: the store's plan is there, or has the same
  // fingerprint. If not, the next three and is_reordered say nothing.
  bool is_compared = true;
  uint64_t num_added = 0;    // lines with an audio string that is new
  uint64_t num_gone = 0;     // lines whose audio string is gone
  uint64_t num_changed = 0;  // the same audio string, another text or file
  // Rows that the extraction rejected and that have another outcome now.
  uint64_t num_mended = 0;
  Tally audio;  // rows whose file holds other audio of the same size
  bool is_reordered = false;  // the same lines at other places
  uint64_t num_shards_kept = 0;
  uint64_t num_shards_to_make = 0;
};

// Compares the lines of two plans, wherever they stand. Memory: 32 bytes a
// line. Errors: kMachineFault.
Result<PlanChange> ComparePlans(const StoredPlan& old_plan, const Plan& plan);

struct ShardCheck {
  std::vector<size_t> to_make;  // of plan.shards, each file once
  std::map<size_t, ShardWriter::Committed> kept;  // likewise
  std::vector<Damage> damages;  // what is to be made though it was there
  uint64_t num_mended_rows = 0;
  std::map<ErrorCode, Tally> still_rejected;  // rows, of the shards kept
};

struct ShardCheckJob {
  const Plan& plan;
  const std::string& folder;
  const StoreIndex* index = nullptr;  // what store.json says, if there is one
  bool read_features = false;         // or all but the features
  const RecordProcessor& processor;
  const Suspects& suspects;  // rows to be tried alone
  RunControl* control;
};

// Finds the shards of the plan that are missing, damaged, of another plan, or
// that hold rejected rows whose audio now gives another outcome. Call it under
// a RowWatch. Errors: kMachineFault, also once a stop is requested, which is
// checked at each row.
Result<ShardCheck> CheckShards(const ShardCheckJob& job);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_UPDATE_H_
