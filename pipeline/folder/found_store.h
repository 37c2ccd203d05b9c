#ifndef MELMILL_PIPELINE_FOLDER_FOUND_STORE_H_
#define MELMILL_PIPELINE_FOLDER_FOUND_STORE_H_

#include <optional>
#include <string>
#include <vector>

#include "io/file/name_change.h"
#include "io/result.h"
#include "pipeline/setup/feature_spec.h"
#include "pipeline/setup/run_config.h"
#include "store/damage.h"
#include "store/plan/plan.h"
#include "store/store_folder.h"
#include "store/store_index.h"

namespace melmill {

// What a run finds in its folder.
struct FoundStore {
  // The configuration's features. If that leaves the resampler open, they have
  // the resampler of the store.
  FeatureSpec features;
  std::optional<StoreIndex> index;  // set for a complete store
  std::optional<Plan> plan;         // set if any run got so far
  // The damage of store.json or plan.h5. A damaged one counts as missing.
  std::vector<Damage> damages;
  SeenFiles files;  // all files in the folder

  bool is_empty() const { return !index && !plan; }
};

// Inspects the folder. Throws SetupError if it holds something else: files that
// are not melmill's, another format, another contract or producer (listing
// every difference), or another shard size than the configuration asks for.
// Error: kMachineFault for files that cannot be read.
Result<FoundStore> InspectFolder(const RunConfig& config);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_FOLDER_FOUND_STORE_H_
