#ifndef MELMILL_PIPELINE_CARE_STORED_RUN_H_
#define MELMILL_PIPELINE_CARE_STORED_RUN_H_

#include <string>

#include "io/result.h"
#include "pipeline/setup/run_config.h"
#include "store/plan/plan.h"
#include "store/store_index.h"

namespace melmill {

// The means to compute rows of a complete store again, bit for bit, without its
// manifests.

// The configuration for this on this machine, as far as extraction needs it.
// `audio_root` is as in RunConfig. Throws SetupError if this program or machine
// makes other bytes, and lists every difference.
RunConfig ConfigOfStore(const std::string& folder, const StoreIndex& index,
                        const std::string& audio_root);

// The plan in the store's plan.h5. Its shards are those of store.json, in the
// same order. Errors: those of ReadPlanFile, and kDamaged if the file is not as
// store.json says.
Result<Plan> PlanOfStore(const std::string& folder, const StoreIndex& index);

// What helps when an audio file of the store is not found, for a message: where
// relative paths start from, and where they started when the store was made.
// `written_path` is the file's path as the manifest has it.
std::string HowToFindAudio(const std::string& folder,
                           const std::string& written_path);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_CARE_STORED_RUN_H_
