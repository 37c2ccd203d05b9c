#ifndef MELMILL_PIPELINE_RUN_FOUND_STORE_H_
#define MELMILL_PIPELINE_RUN_FOUND_STORE_H_

#include <optional>
#include <string>
#include <vector>

#include "io/file/name_change.h"
#include "io/result.h"
#include "pipeline/setup/run_config.h"
#include "store/damage.h"
#include "store/plan/plan.h"
#include "store/store_folder.h"
#include "store/store_index.h"

namespace melmill {

// What a run finds in the folder that it will write to.
struct FoundStore {
  std::optional<StoreIndex> index;  // of a complete store
  std::optional<Plan> plan;         // of any run that got so far
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

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_FOUND_STORE_H_
