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

// The few system calls for the files of a store, continued if the system
// returns early. Only .cc files of io may include this.

// Whether this errno means that the file system does not support an operation.
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

// Repeats a system call, which must return -1 on failure, as long as signals
// interrupt it. Not for close, which closes the file even if interrupted.
template <typename Call>
auto WithoutInterruption(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

// The error for a failed system call on a file.
inline Error FileFault(const char* operation, const std::string& path,
                       int error_number) {
  return MachineFault(std::string(operation) + " " + path, error_number);
}

// The mode before the umask.
inline constexpr mode_t kNewFileMode = 0666;

// Creates a file for writing. Never follows a link and never opens an existing
// file. If the result is not open, errno says why.
inline UniqueFd CreateFile(const std::string& path) {
  return UniqueFd(WithoutInterruption([&] {
    return ::open(path.c_str(),
                  O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                  kNewFileMode);
  }));
}

inline constexpr uint64_t kMaxFileOffset = std::numeric_limits<off_t>::max();

// Returned by ReadExactly if the file ends before `bytes` is full.
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

// Returned by OpenForReading for anything but a regular file.
inline constexpr int kNotAFile = -2;

// The error for a file of a store that open(2), OpenForReading or ReadExactly
// failed on. A file that is missing, cut short or not a regular file is
// damaged. A file that cannot be read may be intact, so that is a fault of the
// machine.
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
  int error = 0;  // an errno, or kNotAFile
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
