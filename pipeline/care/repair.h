#ifndef MELMILL_PIPELINE_CARE_REPAIR_H_
#define MELMILL_PIPELINE_CARE_REPAIR_H_

#include <optional>
#include <string>
#include <vector>

#include "io/result.h"
#include "pipeline/setup/run_control.h"
#include "store/damage.h"
#include "store/verify.h"

namespace melmill {

struct RepairReport {
  VerifyReport found;                 // result of the check before the repair
  std::vector<std::string> repaired;  // files that are intact now
  // Files that stay as they were, and why. For shards also the rows whose audio
  // has changed, if they are known.
  std::vector<Damage> left;
  std::optional<Error> fault;  // error that ended the repair early
};

// Verifies a complete store and rebuilds its damaged and missing shards from
// the audio. A rebuilt shard replaces the damaged one only if it is, byte for
// byte, the one that store.json describes. Other files are left alone: the
// extract command rebuilds them. `audio_root` is as in RunConfig. Calls
// on_planned before it makes shards; the stop signal counts from then on.
// Throws SetupError if the store is in use or this program makes other bytes.
// Errors: those of ReadStoreIndex.
Result<RepairReport> RepairStore(const std::string& folder,
                                 const std::string& audio_root,
                                 RunControl* control);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_CARE_REPAIR_H_
