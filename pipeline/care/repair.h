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
  VerifyReport found;                 // before anything was done
  std::vector<std::string> repaired;  // files that are whole now
  // Files that stay as they were, and why; for shards also the rows whose audio
  // has changed, if that is known.
  std::vector<Damage> left;
  std::optional<Error> fault;  // what ended the repair early
};

// Verifies a complete store and rebuilds its damaged and missing shards from
// the audio. A rebuilt shard replaces the damaged one only if it is, byte for
// byte, the one that store.json describes. Other files are left alone: the
// extract command rebuilds them. `audio_root`: as in RunConfig. Throws
// SetupError when the store is in use or this program makes other bytes. Calls
// on_planned before it makes shards; the stop signal counts from then on.
// Errors: those of ReadStoreIndex.
Result<RepairReport> RepairStore(const std::string& folder,
                                 const std::string& audio_root,
                                 RunControl* control);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_CARE_REPAIR_H_
