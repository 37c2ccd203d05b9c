#ifndef MELMILL_PIPELINE_RUN_PLAN_CHANGE_H_
#define MELMILL_PIPELINE_RUN_PLAN_CHANGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "io/result.h"
#include "pipeline/plan/tally.h"
#include "store/plan/plan.h"

namespace melmill {

// The changes that a new plan makes to a store.
struct PlanChange {
  // Whether the lines could be compared: the store's plan exists, or has the
  // same fingerprint. If not, the next three fields and is_reordered mean
  // nothing.
  bool is_compared = true;
  uint64_t num_added = 0;  // lines with a new audio string
  uint64_t num_gone = 0;   // lines whose audio string no longer occurs
  Tally changed;  // lines with an old audio string and another text or file
  std::vector<std::string> gone_splits;  // splits that are no longer given
  // Rows that were rejected during extraction and have another outcome now.
  uint64_t num_rejects_changed = 0;
  Tally audio;  // rows whose file holds other audio of the same size
  bool is_reordered = false;  // same lines in another order
  uint64_t num_shards_kept = 0;
  uint64_t num_shards_to_make = 0;
};

// Compares the lines of two plans, whatever their order. Takes 32 bytes of
// memory for each line. Error: kMachineFault.
Result<PlanChange> ComparePlans(const Plan& old_plan, const Plan& plan);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_PLAN_CHANGE_H_
