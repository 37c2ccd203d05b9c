#ifndef MELMILL_IO_FILE_NAME_CHANGE_H_
#define MELMILL_IO_FILE_NAME_CHANGE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "io/result.h"

namespace melmill {

// Renaming and removing files. A file that is not the one seen before is never
// removed, whatever other processes do in the folder. Errors are kMachineFault.

// Identifies the file behind a name. Another file, or the same one after a
// write, has another identity.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t num_bytes = 0;
  int64_t modified_ns = 0;  // by the clock of the file system

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

// Identifies the name itself; does not follow a symbolic link. Returns nothing
// if there is no such name.
Result<std::optional<FileIdentity>> Identify(const std::string& path);

// Gives the file `from` the name `to`, unless that name is taken. Returns
// whether it did. Uses renameat2. If the file system lacks it, uses link and
// unlink. If it lacks links too, checks and renames; another process may act in
// between.
Result<bool> NameIfFree(const std::string& from, const std::string& to);

// Replaces the file `to` by the file `from`, if `to` is still the file `seen`.
// Returns whether it did. The name `to` always exists. Uses renameat2; if the
// file system cannot exchange names, checks and renames.
Result<bool> ReplaceIfSame(const std::string& from, const std::string& to,
                           const FileIdentity& seen);

// Removes the file `path` if it is still the file `seen`. Returns whether it
// did. Meanwhile the file has its TemporaryName.
Result<bool> RemoveIfSame(const std::string& path, const FileIdentity& seen);

// Whether both files can be read and have the same bytes.
bool HaveSameBytes(const std::string& path, const std::string& other);

}  // namespace melmill

#endif  // MELMILL_IO_FILE_NAME_CHANGE_H_
