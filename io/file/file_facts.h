#ifndef MELMILL_IO_FILE_FILE_FACTS_H_
#define MELMILL_IO_FILE_FILE_FACTS_H_

#include <sys/stat.h>

#include <cstdint>
#include <ctime>

namespace melmill {

// What the system says about an open file, apart from its size. If none of it
// changes, nobody has written to the file or replaced it. LocalFile stores
// these values for each row.
struct FileFacts {
  static constexpr uint64_t kUnknown = 1;  // the other fields mean nothing
  // The file had changed so recently that another change may leave the same
  // times.
  static constexpr uint64_t kUnsettled = 2;
  // Only the time of modification is reliable on this file system.
  static constexpr uint64_t kOnlyModified = 4;

  uint64_t changed_ns = 0;   // st_ctim in ns since 1970, modulo 2^64
  uint64_t modified_ns = 0;  // st_mtim
  uint64_t inode = 0;
  uint64_t flags = kUnknown;

  bool is_known() const { return (flags & kUnknown) == 0; }

  friend bool operator==(const FileFacts&, const FileFacts&) = default;
};

// Returns the facts of an open file; `status` is the result of its fstat. Take
// them before reading the file, so that any later change shows.
FileFacts TakeFileFacts(int fd, const struct stat& status);

// The part of TakeFileFacts without system calls. `now` is the time of the
// fstat.
FileFacts MakeFileFacts(const struct stat& status, const timespec& now,
                        bool only_modified);

// Whether the time of change and the inode are unreliable on a file system of
// this statfs f_type: network and FUSE mounts, FAT.
bool TellsOnlyModified(uint64_t file_system_type);

// Whether the system says the same of a file at both times: nobody has replaced
// or changed it, unless twice within one tick of its file system's clock.
// Nothing is the same as facts that are not known.
bool IsSameState(const FileFacts& before, const FileFacts& now);

// Whether a file's bytes may have changed since `before`, given that its size
// has not. Unlike IsSameState, takes no chance with a clock's tick. Both facts
// must be known.
bool LooksTouched(const FileFacts& before, const FileFacts& now);

}  // namespace melmill

#endif  // MELMILL_IO_FILE_FILE_FACTS_H_
