#include "io/file/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "io/file/system_calls.h"

namespace melmill {

Result<std::optional<FileLock>> FileLock::TryLock(const std::string& path,
                                                  LockKind kind) {
  const int fd = WithoutInterruption([&] {
    return ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                  kNewFileMode);
  });
  if (fd < 0) return FileFault("open", path, errno);
  FileLock lock(fd, true);  // owns fd from here on
  const int operation = kind == LockKind::kShared ? LOCK_SH : LOCK_EX;
  if (WithoutInterruption([&] { return ::flock(fd, operation | LOCK_NB); }) !=
      0) {
    if (errno == EWOULDBLOCK) return std::optional<FileLock>();
    if (!IsUnsupported(errno) && errno != ENOLCK) {
      return FileFault("lock", path, errno);
    }
    lock.is_held_ = false;
  }
  return std::optional<FileLock>(std::move(lock));
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

FileLock::FileLock(FileLock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      is_held_(std::exchange(other.is_held_, false)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(is_held_, other.is_held_);
  return *this;
}

}  // namespace melmill
