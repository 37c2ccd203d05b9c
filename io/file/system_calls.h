#ifndef MELMILL_IO_FILE_SYSTEM_CALLS_H_
#define MELMILL_IO_FILE_SYSTEM_CALLS_H_

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "io/result.h"

namespace melmill {

// The few system calls that files of a store need, continued where the system
// returns early. For .cc files of io only.

// Whether the file system does not have what was asked for.
inline bool IsUnsupported(int error_number) {
  return error_number == ENOTSUP || error_number == EOPNOTSUPP ||
         error_number == ENOSYS;
}

// An owned file descriptor; -1 for none.
class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) : fd_(fd) {}
  ~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

// Repeats a system call (which returns -1 on failure) as long as signals
// interrupt it. Not for close: that has closed even then.
template <typename Call>
auto WithoutInterruption(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

// The fault of a system call on a file, which gave that errno.
inline Error FileFault(const char* operation, const std::string& path,
                       int error_number) {
  return MachineFault(std::string(operation) + " " + path, error_number);
}

// Less the umask.
inline constexpr mode_t kNewFileMode = 0666;

// Makes a file to be written to, never through a link and never one that is
// there. Not open: errno says why.
inline UniqueFd CreateFile(const std::string& path) {
  return UniqueFd(WithoutInterruption([&] {
    return ::open(path.c_str(),
                  O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                  kNewFileMode);
  }));
}

inline constexpr uint64_t kMaxFileOffset = std::numeric_limits<off_t>::max();

// What ReadExactly returns when the file ends before `bytes` are full.
inline constexpr int kEndOfFile = -1;

// Returns 0, an errno, or kEndOfFile.
inline int ReadExactly(int fd, uint64_t offset, std::span<std::byte> bytes) {
  if (offset > kMaxFileOffset - bytes.size()) return kEndOfFile;
  while (!bytes.empty()) {
    const ssize_t n =
        ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n == 0) return kEndOfFile;
    if (n < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return 0;
}

// Returns 0 or an errno.
inline int WriteExactly(int fd, uint64_t offset,
                        std::span<const std::byte> bytes) {
  if (offset > kMaxFileOffset - bytes.size()) return EFBIG;
  while (!bytes.empty()) {
    const ssize_t n =
        ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return 0;
}

// And OpenForReading for what is not a regular file.
inline constexpr int kNotAFile = -2;

// What open(2), OpenForReading or ReadExactly say of a file of a store. One
// that is gone, cut short or no file is damaged. What cannot be read may be
// whole: that is a fault of the machine.
inline Error StoreReadError(int error_number) {
  switch (error_number) {
    case kEndOfFile:
      return {RejectCode::kTruncated, "the file ends early"};
    case kNotAFile:
      return {ErrorCode::kDamaged, "is not a regular file"};
    case ENOENT:
    case ENOTDIR:
      return {RejectCode::kNotFound, "no such file", error_number};
    default:
      return MachineFault("cannot be read", error_number);
  }
}

// A regular file, open for reading. Never blocks on a FIFO or a device.
struct ReadableFile {
  UniqueFd fd;
  uint64_t size_bytes = 0;
  int error = 0;  // an errno; kNotAFile for what is not a regular file
};

inline ReadableFile OpenForReading(const std::string& path) {
  ReadableFile file;
  file.fd = UniqueFd(WithoutInterruption(
      [&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  struct stat status = {};
  if (!file.fd.is_open() || ::fstat(file.fd.get(), &status) != 0) {
    file.error = errno;
  } else if (!S_ISREG(status.st_mode)) {
    file.error = kNotAFile;
  } else {
    file.size_bytes = static_cast<uint64_t>(status.st_size);
  }
  return file;
}

}  // namespace melmill

#endif  // MELMILL_IO_FILE_SYSTEM_CALLS_H_
