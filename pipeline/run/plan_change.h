#ifndef MELMILL_PIPELINE_RUN_PLAN_CHANGE_H_
#define MELMILL_PIPELINE_RUN_PLAN_CHANGE_H_

#include <cstdint>

#include "io/result.h"
#include "pipeline/plan/tally.h"
#include "store/plan/plan.h"

namespace melmill {

// What a new plan changes in a store.
struct PlanChange {
  // The lines could be compared: the store's plan is there, or has the same
  // fingerprint. If not, the next three and is_reordered say nothing.
  bool is_compared = true;
  uint64_t num_added = 0;    // lines with an audio string that is new
  uint64_t num_gone = 0;     // lines whose audio string is gone
  uint64_t num_changed = 0;  // the same audio string, another text or file
  // Rows that the extraction rejected and that have another outcome now.
  uint64_t num_rejects_changed = 0;
  Tally audio;  // rows whose file holds other audio of the same size
  bool is_reordered = false;  // the same lines at other places
  uint64_t num_shards_kept = 0;
  uint64_t num_shards_to_make = 0;
};

// Compares the lines of two plans, wherever they stand. Memory: 32 bytes a
// line. Errors: kMachineFault.
Result<PlanChange> ComparePlans(const Plan& old_plan, const Plan& plan);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_PLAN_CHANGE_H_
