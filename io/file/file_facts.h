#ifndef MELMILL_IO_FILE_FILE_FACTS_H_
#define MELMILL_IO_FILE_FILE_FACTS_H_

#include <sys/stat.h>

#include <cstdint>
#include <ctime>

namespace melmill {

// What the system says about an open file, apart from its size. As long as none
// of it changes, nobody has written to the file or replaced it. LocalFile
// stores these bytes for each row.
struct FileFacts {
  static constexpr uint64_t kUnknown = 1;  // nothing else here means anything
  // The file was changed so shortly before that a further change may leave
  // the same times.
  static constexpr uint64_t kUnsettled = 2;
  // Only the time of modification says anything on this file system.
  static constexpr uint64_t kOnlyModified = 4;

  uint64_t changed_ns = 0;   // st_ctim since 1970, modulo 2^64
  uint64_t modified_ns = 0;  // st_mtim
  uint64_t inode = 0;
  uint64_t flags = kUnknown;

  bool is_known() const { return (flags & kUnknown) == 0; }

  friend bool operator==(const FileFacts&, const FileFacts&) = default;
};

// The facts of an open file of which fstat gave `status`. Take them before
// the file is read: then whatever changes later shows.
FileFacts TakeFileFacts(int fd, const struct stat& status);

// The pure part: `now` is the time of that fstat.
FileFacts MakeFileFacts(const struct stat& status, const timespec& now,
                        bool only_modified);

// Whether a file system of this statfs f_type counts as one that tells no
// reliable time of change or inode: network and FUSE mounts, FAT.
bool TellsOnlyModified(uint64_t file_system_type);

// Whether a file may hold other bytes than when `before` was taken, its size
// being the same. Both are known.
bool LooksTouched(const FileFacts& before, const FileFacts& now);

}  // namespace melmill

#endif  // MELMILL_IO_FILE_FILE_FACTS_H_
