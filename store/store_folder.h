#ifndef MELMILL_STORE_STORE_FOLDER_H_
#define MELMILL_STORE_STORE_FOLDER_H_

#include <map>
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
inline constexpr char kLockFile[] = ".lock";
inline constexpr char kLocalFile[] = ".local";         // see LocalFile
std::string TableFileName(std::string_view split);     // NAME.rows.h5
std::string AcceptedFileName(std::string_view split);  // NAME.accepted.jsonl
std::string SuspectsFileName();  // .suspects.TAG: this process's, see RowWatch

// Whether some process keeps its suspects there: SuspectsFileName, or
// ".suspects" of earlier versions.
bool IsSuspectsFileName(std::string_view name);

// "NAME.0123456789ab.h5"
bool IsShardFileName(std::string_view name);

// Whether another run, working or dead, made the file: no other run has a use
// for it.
bool IsTemporaryFileName(std::string_view name);

// The names in a folder, sorted; empty when there is no such folder. Errors:
// kMachineFault.
Result<std::vector<std::string>> ListFolder(const std::string& folder);

// The files of a folder, by name, as they were at one moment: a run removes or
// replaces nothing else.
using SeenFiles = std::map<std::string, FileIdentity>;

// The files that are in a folder now; none if there is no such folder. Errors:
// kMachineFault.
Result<SeenFiles> SeeFiles(const std::string& folder);

// Removes those of `files` with temporary names. Without the folder's lock only
// those that were not written to for an hour, by the clock of the file system,
// because other runs may be working. Errors: kMachineFault.
Result<void> RemoveTemporaryFiles(const std::string& folder,
                                  const SeenFiles& files, bool is_locked);

// Locks a store's folder for whoever writes to it. Where the file system has
// no locks the result is not held. Errors: kMachineFault when another melmill
// has it, or when it cannot be locked.
Result<FileLock> LockStore(const std::string& folder);

bool FileExists(const std::string& path);

// The store's store.json. Errors: kNotFound when it has none (the store is not
// complete), those of ParseStoreIndex, kMachineFault.
Result<StoreIndex> ReadStoreIndex(const std::string& folder);

// The folder that holds `path`.
std::string ParentFolder(const std::string& path);

}  // namespace melmill

#endif  // MELMILL_STORE_STORE_FOLDER_H_
