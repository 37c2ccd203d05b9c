#ifndef MELMILL_IO_FILE_NAME_CHANGE_H_
#define MELMILL_IO_FILE_NAME_CHANGE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "io/result.h"

namespace melmill {

// Changes of names that never remove another file than the one that was seen,
// whatever other processes do in the folder. Errors are kMachineFault.

// The file that a name stood for. Another file, or the same one after a write,
// has another identity.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t num_bytes = 0;
  int64_t modified_ns = 0;  // by the clock of the file system

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

// Of the name itself, not of what a symbolic link leads to; nothing where
// there is no such name.
Result<std::optional<FileIdentity>> Identify(const std::string& path);

// Gives the file `from` the name `to`, unless there is one of that name.
// Returns whether it did. By renameat2; where the file system has no such
// rename by link and unlink; where it has no links either, by a check and a
// rename, between which another process may act.
Result<bool> NameIfFree(const std::string& from, const std::string& to);

// Puts the file `from` in the place of `to`, if that is what was seen there,
// and removes what was there. Returns whether it did. The name `to` is never
// free. By renameat2; where the file system cannot exchange names, by a check
// and a rename.
Result<bool> ReplaceIfSame(const std::string& from, const std::string& to,
                           const FileIdentity& seen);

// Removes the file `path`, if it is what was seen there. Returns whether it
// did. Meanwhile the file has its TemporaryName.
Result<bool> RemoveIfSame(const std::string& path, const FileIdentity& seen);

// Whether both are files with the same bytes, and can be read.
bool HaveSameBytes(const std::string& path, const std::string& other);

}  // namespace melmill

#endif  // MELMILL_IO_FILE_NAME_CHANGE_H_
