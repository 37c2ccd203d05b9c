#ifndef MELMILL_PIPELINE_RUN_RUN_FOLDER_H_
#define MELMILL_PIPELINE_RUN_RUN_FOLDER_H_

#include <optional>
#include <string>
#include <vector>

#include "io/file/file_lock.h"
#include "io/result.h"
#include "pipeline/run/found_store.h"
#include "pipeline/setup/run_config.h"
#include "store/store_index.h"

namespace melmill {

// The folder that a run writes to: what was found in it, and its lock. It is
// locked as soon as there is a store, or part of one, that another run could
// change.
class RunFolder {
 public:
  // `config` must outlive it.
  explicit RunFolder(const RunConfig& config) : config_(config) {}

  // Looks at the folder; changes nothing. Throws SetupError for a folder that
  // cannot be written to, is in use, or holds something else: as
  // InspectFolder. Errors: kMachineFault.
  Result<void> Open();

  const FoundStore& found() const { return found_; }
  // Whether it was there before the run.
  bool existed() const { return existed_; }
  // The folder, or the one that it is to be made in.
  std::string ExistingFolder() const;

  // Removes what dead runs left: it takes space that this one may need. Throws
  // SetupError when another run has come first. Adds to `notes` what could not
  // be removed.
  void RemoveDeadRunsFiles(std::vector<std::string>* notes);

  // Makes the folder if it is not there, and locks it. Throws SetupError, also
  // when another run has come first. Errors: kMachineFault.
  Result<void> Claim();

  // Removes what was found and the complete store `index` does not need. The
  // folder must be locked. Errors: kMachineFault.
  Result<void> RemoveLeftovers(const StoreIndex& index) const;

  // Whether its file system has no locks. False until it is locked.
  bool lacks_locks() const { return lock_ && !lock_->is_held(); }

 private:
  const std::string& path() const { return config_.store.folder; }
  Result<void> Inspect();
  void Lock();
  void LockNewStore();

  const RunConfig& config_;
  bool existed_ = false;
  FoundStore found_;
  std::optional<FileLock> lock_;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_RUN_FOLDER_H_
