#ifndef MELMILL_PIPELINE_FOLDER_OLD_FILES_H_
#define MELMILL_PIPELINE_FOLDER_OLD_FILES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "io/result.h"
#include "pipeline/folder/found_store.h"
#include "store/plan/plan.h"
#include "store/store_index.h"

namespace melmill {

// Removes files that a run finds in a store's folder. It removes only what
// melmill made: the files listed by the plan or store.json that was found,
// temporary files, suspects, and files whose contents say that they are shards.
// It removes only the very files that were found.

// Throws SetupError if a file has the name of a table or a manifest of
// the plan, and nothing says that melmill made it.
void CheckNothingIsInTheWay(const FoundStore& found, const Plan& plan,
                            const std::string& folder);

// Removes the files that a run will replace, before plan.h5 changes. Removes
// store.json first, since it means that the store is complete. Then removes the
// ledger, tables and accepted manifests that were found, the job, doubts and
// workers, and the files of plan.shards[to_make]. Error: kMachineFault, also if
// another process changed store.json meanwhile.
Result<void> RemoveReplacedFiles(const FoundStore& found, const Plan& plan,
                                 const std::vector<size_t>& to_make,
                                 const std::string& folder);

// Removes files that were found in the folder and that the complete store
// `index` does not need: old shards, suspects, doubts, workers, the job, chunks
// of a plan, temporary files, the certificate of another state. `is_locked` is
// as in RemoveTemporaryFiles. Error: kMachineFault.
Result<void> RemoveLeftovers(const FoundStore& found, const StoreIndex& index,
                             const std::string& folder, bool is_locked);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_FOLDER_OLD_FILES_H_
