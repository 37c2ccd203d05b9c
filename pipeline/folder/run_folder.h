#ifndef MELMILL_PIPELINE_FOLDER_RUN_FOLDER_H_
#define MELMILL_PIPELINE_FOLDER_RUN_FOLDER_H_

#include <optional>
#include <string>
#include <vector>

#include "io/file/file_lock.h"
#include "io/result.h"
#include "pipeline/folder/found_store.h"
#include "pipeline/setup/run_config.h"
#include "store/store_index.h"

namespace melmill {

// The folder that a run writes to: what was found in it, and its lock. It is
// locked as soon as it has a store, or part of one, that another run could
// change.
class RunFolder {
 public:
  // `config` must outlive it.
  explicit RunFolder(const RunConfig& config)
      : config_(config), found_{.features = config.features} {}

  // Inspects the folder without changing anything. Throws SetupError if it
  // cannot be written to, is in use, or holds something else, as InspectFolder
  // does. Error: kMachineFault.
  Result<void> Open();

  const FoundStore& found() const { return found_; }
  // Whether the folder existed before the run.
  bool existed() const { return existed_; }
  // The folder, or the existing one that it will be created in.
  std::string ExistingFolder() const;

  // Removes what dead runs left, since this run may need the space. Throws
  // SetupError if another run came first. Adds to `notes` what could not be
  // removed.
  void RemoveDeadRunsFiles(std::vector<std::string>* notes);

  // Creates the folder if it does not exist, and locks it, unless it is locked
  // already. Throws SetupError, also if another run came first. Error:
  // kMachineFault.
  Result<void> Claim(LockKind kind = LockKind::kExclusive);

  // Removes files that were found and that the complete store `index` does not
  // need. The folder must be locked. Error: kMachineFault.
  Result<void> RemoveLeftovers(const StoreIndex& index) const;

  // Adds a note if the file system has no locks. Adds none while the folder is
  // not locked.
  void TellOfLocks(std::vector<std::string>* notes) const;

 private:
  const std::string& path() const { return config_.store.folder; }
  Result<void> Inspect();
  void Lock(LockKind kind = LockKind::kExclusive);
  void LockNewStore(LockKind kind = LockKind::kExclusive);

  const RunConfig& config_;
  bool existed_ = false;
  FoundStore found_;
  std::optional<FileLock> lock_;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_FOLDER_RUN_FOLDER_H_
