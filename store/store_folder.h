#ifndef MELMILL_STORE_STORE_FOLDER_H_
#define MELMILL_STORE_STORE_FOLDER_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/file/durable_file.h"
#include "io/file/file_lock.h"
#include "io/file/name_change.h"
#include "io/result.h"
#include "store/store_index.h"

namespace melmill {

// The names in a store's folder.
inline constexpr char kStoreIndexFile[] = "store.json";
inline constexpr char kPlanFile[] = "plan.h5";
inline constexpr char kRejectsFile[] = "rejects.jsonl";
inline constexpr char kCertificateFile[] = "certificate.json";
inline constexpr char kJobFile[] = "job.json";  // of an unfinished store
inline constexpr char kPlanFolder[] = ".plan";  // of an unfinished plan
inline constexpr char kLockFile[] = ".lock";
inline constexpr char kLocalFile[] = ".local";  // see LocalFile
// The files of a split; NAME is its SplitFileStem.
std::string TableFileName(std::string_view split);     // NAME.rows.h5
std::string AcceptedFileName(std::string_view split);  // NAME.accepted.jsonl
std::string TrainingFileName(std::string_view split);  // NAME.training.jsonl
std::string SuspectsFileName();  // .suspects.TAG of this process; see RowWatch
std::string DoubtsFileName();    // .doubts.TAG of this process; see WriteDoubts
// .worker.TAG of the machine with this hash; see WriteWorker.
std::string WorkerFileName(uint64_t machine_hash);
// .dispute.TAG of the shard with this hash; see WriteDispute.
std::string DisputeFileName(uint64_t shard_hash);

// Whether a process keeps its suspects in a file of this name:
// SuspectsFileName, or ".suspects" of earlier versions.
bool IsSuspectsFileName(std::string_view name);
bool IsDoubtsFileName(std::string_view name);
bool IsWorkerFileName(std::string_view name);
bool IsDisputeFileName(std::string_view name);

// Whether a name has the form "NAME.0123456789ab.h5".
bool IsShardFileName(std::string_view name);

// Whether a file of this name belongs to one run, alive or dead, and is of no
// use to any other run.
bool IsTemporaryFileName(std::string_view name);

// The names in a folder, sorted; empty if there is no such folder. Error:
// kMachineFault.
Result<std::vector<std::string>> ListFolder(const std::string& folder);

// The files of a folder at one moment, by name. A run removes or replaces no
// other files.
using SeenFiles = std::map<std::string, FileIdentity>;

// The files in a folder now; none if there is no such folder. Error:
// kMachineFault.
Result<SeenFiles> SeeFiles(const std::string& folder);

// The file of this name, if it was seen.
std::optional<FileIdentity> FindFile(const SeenFiles& files,
                                     const std::string& name);

// Removes those of `files` that have temporary names. Other runs may be working
// unless the folder is locked; then removes only files that were not written to
// for an hour, by the clock of the file system. Error: kMachineFault.
Result<void> RemoveTemporaryFiles(const std::string& folder,
                                  const SeenFiles& files, bool is_locked);

// Locks a store's folder for a process that writes to it: parts share the lock,
// all others need it exclusively. If the file system has no locks, the result
// is not held. Error: kMachineFault if another melmill has locked the folder so
// that it excludes this one, or if it cannot be locked.
Result<FileLock> LockStore(const std::string& folder,
                           LockKind kind = LockKind::kExclusive);

bool FileExists(const std::string& path);

// Reads the text of the store's store.json. Errors: kNotFound if there is none
// (the store is not complete), kMachineFault.
Result<std::string> ReadStoreIndexText(const std::string& folder);

// Reads the store's store.json. Errors: those of ReadStoreIndexText and
// ParseStoreIndex.
Result<StoreIndex> ReadStoreIndex(const std::string& folder);

// The path from the root of the file system, without . and ..; `path` itself
// if there is no working folder.
std::string AbsolutePath(const std::string& path);

// The folder that contains `path`.
std::string ParentFolder(const std::string& path);

}  // namespace melmill

#endif  // MELMILL_STORE_STORE_FOLDER_H_
