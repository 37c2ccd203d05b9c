#include "io/file/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "io/file/system_calls.h"

namespace melmill {
namespace {

ErrorCode CodeOfOpenErrno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return RejectCode::kNotFound;
    case EACCES:
    case EPERM:
      return RejectCode::kNoPermission;
    case ELOOP:
      return RejectCode::kSymlinkLoop;
    // A failing disk, or a network file system whose server is away. Another
    // try may succeed.
    case EIO:
    case ESTALE:
    case ETIMEDOUT:
    case EREMOTEIO:
    case ENOLINK:
    case ECOMM:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETUNREACH:
    case ECONNREFUSED:
    case ECONNRESET:
    case ENOTCONN:
    case ESHUTDOWN:
      return RejectCode::kIoError;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return ErrorCode::kMachineFault;
    default:
      return RejectCode::kOpenFailed;
  }
}

Error ErrnoError(ErrorCode code, std::string_view what, int error_number) {
  Error error = MachineFault(what, error_number);
  error.code = code;
  return error;
}

Error NotRegular(mode_t mode) {
  if (S_ISDIR(mode)) return {RejectCode::kIsDirectory, "is a directory"};
  const char* kind = "is not a regular file";
  if (S_ISFIFO(mode)) kind = "is a FIFO";
  if (S_ISCHR(mode)) kind = "is a character device";
  if (S_ISBLK(mode)) kind = "is a block device";
  return {RejectCode::kNotRegularFile, kind};
}

Error RangeOutside(const ByteRange& range, uint64_t size_bytes) {
  return {RejectCode::kRangeOutside,
          "the range of " + std::to_string(range.num_bytes) +
              " bytes from byte " + std::to_string(range.offset) +
              " on is not in the file, which has " +
              std::to_string(size_bytes) + " bytes"};
}

Error EndsEarly(uint64_t size_bytes) {
  return {RejectCode::kChangedSincePlan,
          "became shorter than " + std::to_string(size_bytes) + " bytes"};
}

}  // namespace

Result<InputFile> InputFile::Open(const std::string& path,
                                  const std::optional<ByteRange>& range) {
  const int fd = WithoutInterruption([&] {
    return open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  });
  if (fd < 0) {
    const int error_number = errno;
    // open always fails with this for a socket.
    if (error_number == ENXIO) {
      return Error{RejectCode::kNotRegularFile, "is a socket or a lost device",
                   error_number};
    }
    return ErrnoError(CodeOfOpenErrno(error_number), "cannot be opened",
                      error_number);
  }
  InputFile file(fd);  // closes fd on every way out
  struct stat status;
  if (fstat(fd, &status) != 0) {
    return ErrnoError(RejectCode::kIoError, "cannot be examined", errno);
  }
  if (!S_ISREG(status.st_mode)) return NotRegular(status.st_mode);
  file.size_bytes_ = static_cast<uint64_t>(status.st_size);
  file.device_ = static_cast<uint64_t>(status.st_dev);
  file.facts_ = TakeFileFacts(fd, status);
  if (range) {
    if (range->offset > file.size_bytes_ ||
        range->num_bytes > file.size_bytes_ - range->offset) {
      return RangeOutside(*range, file.size_bytes_);
    }
    file.begin_ = range->offset;
    file.size_bytes_ = range->num_bytes;
  }
  return file;
}

InputFile::~InputFile() {
  if (fd_ >= 0) close(fd_);
}

InputFile::InputFile(InputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      begin_(std::exchange(other.begin_, 0)),
      size_bytes_(std::exchange(other.size_bytes_, 0)),
      device_(std::exchange(other.device_, 0)),
      facts_(std::exchange(other.facts_, {})) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(begin_, other.begin_);
  std::swap(size_bytes_, other.size_bytes_);
  std::swap(device_, other.device_);
  std::swap(facts_, other.facts_);
  return *this;
}

Result<void> InputFile::ReadAt(uint64_t offset,
                               std::span<std::byte> bytes) const {
  if (offset > size_bytes_ || bytes.size() > size_bytes_ - offset) {
    return EndsEarly(size_bytes_);
  }
  const int failure = ReadExactly(fd_, begin_ + offset, bytes);
  if (failure == 0) return {};
  if (failure == kEndOfFile) return EndsEarly(size_bytes_);
  ErrorCode code = RejectCode::kIoError;
  if (failure == ENOMEM) code = ErrorCode::kMachineFault;
  return ErrnoError(code, "cannot be read", failure);
}

bool InputFile::ReadCachedAt(uint64_t offset,
                             std::span<std::byte> bytes) const {
  if (offset > size_bytes_ || bytes.size() > size_bytes_ - offset) {
    return false;
  }
  const iovec part{bytes.data(), bytes.size()};
  const ssize_t num_read =
      preadv2(fd_, &part, 1, static_cast<off_t>(begin_ + offset), RWF_NOWAIT);
  return num_read >= 0 && static_cast<size_t>(num_read) == bytes.size();
}

void InputFile::WillNeed(uint64_t offset, uint64_t num_bytes) const {
  if (offset >= size_bytes_ || num_bytes == 0) return;  // 0: to the file's end
  num_bytes = std::min(num_bytes, size_bytes_ - offset);
  (void)posix_fadvise(fd_, static_cast<off_t>(begin_ + offset),
                      static_cast<off_t>(num_bytes), POSIX_FADV_WILLNEED);
}

Result<void> InputFile::CheckUnchanged() const {
  struct stat status;
  if (fstat(fd_, &status) != 0) {
    return ErrnoError(RejectCode::kIoError, "cannot be examined", errno);
  }
  if (IsSameState(facts_, TakeFileFacts(fd_, status))) return {};
  return Error{RejectCode::kChangedSincePlan, "changed while it was read"};
}

void InputFile::DropCached() const {
  (void)posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED);
}

}  // namespace melmill
