#ifndef MELMILL_IO_FILE_FILE_LOCK_H_
#define MELMILL_IO_FILE_FILE_LOCK_H_

#include <optional>
#include <string>

#include "io/result.h"

namespace melmill {

enum class LockKind {
  kExclusive,
  kShared,  // any number of processes may hold it; none then has an exclusive
            // one
};

// An advisory lock (flock) on a file, which is created if need be. It ends with
// the process. On a file system without locks it does nothing, and is_held is
// false.
class FileLock {
 public:
  // Returns nothing if another process holds a lock that excludes this one.
  static Result<std::optional<FileLock>> TryLock(
      const std::string& path, LockKind kind = LockKind::kExclusive);

  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;

  bool is_held() const { return is_held_; }

 private:
  FileLock(int fd, bool is_held) : fd_(fd), is_held_(is_held) {}
  int fd_ = -1;
  bool is_held_ = false;
};

}  // namespace melmill

#endif  // MELMILL_IO_FILE_FILE_LOCK_H_
