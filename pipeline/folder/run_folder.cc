#include "pipeline/folder/run_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/file/durable_file.h"
#include "pipeline/folder/old_files.h"
#include "pipeline/setup/setup_error.h"
#include "store/origin.h"
#include "store/store_folder.h"

namespace melmill {

Result<void> RunFolder::Inspect() {
  Result<FoundStore> found = InspectFolder(config_);
  if (!found.ok()) return found.error();
  found_ = std::move(found).value();
  return {};
}

std::string RunFolder::ExistingFolder() const {
  return existed_ ? path() : ParentFolder(path());
}

Result<void> RunFolder::Open() {
  if (path().empty()) throw SetupError("--out is missing");
  existed_ = FileExists(path());
  if (existed_) {
    const Result<void> inspected = Inspect();
    if (!inspected.ok()) return inspected;
  }
  if (path().find("://") != std::string::npos) {
    throw SetupError(fmt::format(
        "--out {}: melmill writes to folders of this machine, not to URLs",
        path()));
  }
  const std::string writable = ExistingFolder();
  if (access(writable.c_str(), W_OK | X_OK) != 0) {
    const int reason = errno;
    throw SetupError(
        fmt::format("cannot write to {}: {}{}", writable, std::strerror(reason),
                    reason == ENOENT
                        ? "\n  make it first: mkdir -p " + ShellLine({writable})
                        : ""));
  }
  if (found_.is_empty()) return {};
  Lock();
  return Inspect();  // now that nobody else changes it
}

void RunFolder::Lock(LockKind kind) {
  Result<FileLock> lock = LockStore(path(), kind);
  if (!lock.ok()) throw SetupError(lock.error().message);
  lock_ = std::move(lock).value();
}

// Locks a folder that held no store when it was inspected.
void RunFolder::LockNewStore(LockKind kind) {
  Lock(kind);
  // Another run may have come first.
  const Result<void> inspected = Inspect();
  if (!inspected.ok()) throw SetupError(inspected.error().message);
  if (!found_.is_empty()) {
    throw SetupError(
        fmt::format("{} was in use by another melmill; run again", path()));
  }
}

void RunFolder::RemoveDeadRunsFiles(std::vector<std::string>* notes) {
  if (!existed_) return;
  if (!lock_) {
    // A run that did not get as far as a plan left only temporary files.
    if (std::none_of(
            found_.files.begin(), found_.files.end(),
            [](const auto& file) { return IsTemporaryFileName(file.first); })) {
      return;
    }
    LockNewStore();
  }
  const Result<void> removed =
      RemoveTemporaryFiles(path(), found_.files, lock_->is_held());
  if (!removed.ok()) notes->push_back(removed.error().message);
}

Result<void> RunFolder::Claim(LockKind kind) {
  // Another run may create it at the same time; the lock decides.
  if (!existed_ && mkdir(path().c_str(), 0777) != 0) {
    const int error_number = errno;
    if (error_number != EEXIST || !FileExists(path())) {
      throw SetupError(fmt::format("cannot make {}: {}", path(),
                                   std::strerror(error_number)));
    }
  }
  Result<void> synced = SyncFolder(ParentFolder(path()));
  if (synced.ok() && !lock_) LockNewStore(kind);
  return synced;
}

void RunFolder::TellOfLocks(std::vector<std::string>* notes) const {
  if (!lock_ || lock_->is_held()) return;
  notes->insert(notes->begin(),
                fmt::format("the file system of {} has no locks: make sure "
                            "that no other run uses this folder",
                            path()));
}

Result<void> RunFolder::RemoveLeftovers(const StoreIndex& index) const {
  return melmill::RemoveLeftovers(found_, index, path(), lock_->is_held());
}

}  // namespace melmill
