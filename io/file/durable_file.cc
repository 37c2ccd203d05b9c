#include "io/file/durable_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

#include "io/file/system_calls.h"
#include "io/file/temporary_name.h"

namespace melmill {
namespace {

constexpr size_t kAppendBufferBytes = size_t{1} << 16;

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

DurableFile::DurableFile(std::string path, int fd)
    : path_(std::move(path)), fd_(fd) {}

DurableFile::~DurableFile() { Discard(); }

DurableFile::DurableFile(DurableFile&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      fd_(std::exchange(other.fd_, -1)),
      buffer_(std::move(other.buffer_)),
      append_offset_(other.append_offset_) {}

DurableFile& DurableFile::operator=(DurableFile&& other) noexcept {
  if (this != &other) {
    Discard();
    path_ = std::exchange(other.path_, {});
    fd_ = std::exchange(other.fd_, -1);
    buffer_ = std::move(other.buffer_);
    append_offset_ = other.append_offset_;
  }
  return *this;
}

void DurableFile::Discard() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  if (!path_.empty()) ::unlink(TemporaryName(path_).c_str());
  path_.clear();
}

Result<DurableFile> DurableFile::Create(const std::string& path) {
  const std::string temporary = TemporaryName(path);
  UniqueFd fd = CreateFile(temporary);
  if (!fd.is_open()) return FileFault("create", temporary, errno);
  return DurableFile(path, fd.Release());
}

Result<DurableFile> DurableFile::Adopt(const std::string& path) {
  const std::string temporary = TemporaryName(path);
  const int fd = WithoutInterruption([&] {
    return ::open(temporary.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
  });
  if (fd < 0) return FileFault("open", temporary, errno);
  return DurableFile(path, fd);
}

Result<void> DurableFile::Reserve(uint64_t num_bytes) {
  assert(fd_ >= 0);
  if (num_bytes > kMaxFileOffset) {
    return FileFault("reserve space for", path_, EFBIG);
  }
  // posix_fallocate would not do: if the file system cannot reserve, the C
  // library writes a byte into every block instead.
  const int failed = WithoutInterruption(
      [&] { return ::fallocate(fd_, 0, 0, static_cast<off_t>(num_bytes)); });
  if (failed == 0 || IsUnsupported(errno) || errno == EINVAL) return {};
  return FileFault("reserve space for", path_, errno);
}

Result<void> DurableFile::WriteAt(uint64_t offset,
                                  std::span<const std::byte> bytes) {
  assert(fd_ >= 0);
  const int error_number = WriteExactly(fd_, offset, bytes);
  if (error_number != 0) return FileFault("write", path_, error_number);
  return {};
}

void DurableFile::StartWriteBack(uint64_t offset, uint64_t num_bytes) {
  assert(fd_ >= 0);
  (void)::sync_file_range(fd_, static_cast<off_t>(offset),
                          static_cast<off_t>(num_bytes), SYNC_FILE_RANGE_WRITE);
}

Result<void> DurableFile::Append(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() < kAppendBufferBytes) return {};
  return Flush();
}

Result<void> DurableFile::Flush() {
  const auto written =
      WriteAt(append_offset_, std::as_bytes(std::span(buffer_)));
  if (!written.ok()) return written.error();
  append_offset_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<void> DurableFile::ReadAt(uint64_t offset,
                                 std::span<std::byte> bytes) const {
  assert(fd_ >= 0);
  const int error_number = ReadExactly(fd_, offset, bytes);
  if (error_number == kEndOfFile) {
    return Error{ErrorCode::kMachineFault, "read " + path_ + ": ends early"};
  }
  if (error_number != 0) return FileFault("read", path_, error_number);
  return {};
}

Result<void> DurableFile::Close() {
  if (auto flushed = Flush(); !flushed.ok()) return flushed;
  // fsync is called only once: after a failure the kernel considers the lost
  // pages clean, and a second fsync would succeed. (An interrupted call has not
  // failed yet.)
  if (WithoutInterruption([&] { return ::fsync(fd_); }) != 0) {
    return FileFault("fsync", path_, errno);
  }
  // An interrupted close has closed the file all the same, and everything is on
  // the disk.
  if (::close(std::exchange(fd_, -1)) != 0 && errno != EINTR) {
    return FileFault("close", path_, errno);
  }
  return {};
}

Result<void> DurableFile::TakeName(
    const std::optional<FileIdentity>& replaced) {
  const std::string temporary = TemporaryName(path_);
  if (replaced && HaveSameBytes(temporary, path_)) {
    return RemoveFile(temporary);
  }
  const Result<bool> named = replaced
                                 ? ReplaceIfSame(temporary, path_, *replaced)
                                 : NameIfFree(temporary, path_);
  if (!named.ok()) {
    if (named.error().detail != ENOENT) return named.error();
    return FileFault("its temporary file was removed: rename to", path_,
                     ENOENT);
  }
  if (named.value()) return {};
  if (HaveSameBytes(temporary, path_)) return RemoveFile(temporary);
  return Error{ErrorCode::kMachineFault,
               path_ +
                   ": another process made it with other bytes, so it was not "
                   "replaced",
               EEXIST};
}

Result<void> DurableFile::Commit(const std::optional<FileIdentity>& replaced) {
  Result<void> done = Close();
  if (done.ok()) done = TakeName(replaced);
  if (!done.ok()) {
    Discard();
    return done;
  }
  return SyncFolder(FolderOf(std::exchange(path_, {})));
}

Result<void> WriteFileDurably(const std::string& path, std::string_view text) {
  Result<DurableFile> file = DurableFile::Create(path);
  if (!file.ok()) return file.error();
  const auto written = file.value().WriteAt(0, std::as_bytes(std::span(text)));
  if (!written.ok()) return written.error();
  return file.value().Commit();
}

Result<std::string> ReadSmallFile(const std::string& path, size_t max_bytes) {
  const ReadableFile file = OpenForReading(path);
  if (file.error != 0) {
    Error error = StoreReadError(file.error);
    error.message = "open " + path + ": " + error.message;
    return error;
  }
  if (file.size_bytes > max_bytes) {
    return Error{ErrorCode::kDamaged, "read " + path + ": larger than " +
                                          std::to_string(max_bytes) + " bytes"};
  }
  std::string text(static_cast<size_t>(file.size_bytes), '\0');
  const int error_number =
      ReadExactly(file.fd.get(), 0, std::as_writable_bytes(std::span(text)));
  if (error_number == kEndOfFile) {
    return Error{RejectCode::kTruncated, "read " + path + ": ends early"};
  }
  if (error_number != 0) return FileFault("read", path, error_number);
  return text;
}

Result<void> SyncFolder(const std::string& folder) {
  const UniqueFd fd(WithoutInterruption([&] {
    return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }));
  if (!fd.is_open()) return FileFault("open", folder, errno);
  // EINVAL means that this file system cannot sync folders.
  if (WithoutInterruption([&] { return ::fsync(fd.get()); }) != 0 &&
      errno != EINVAL) {
    return FileFault("fsync", folder, errno);
  }
  return {};
}

Result<void> RemoveFile(const std::string& path) {
  if (WithoutInterruption([&] { return ::unlink(path.c_str()); }) != 0 &&
      errno != ENOENT) {
    return FileFault("remove", path, errno);
  }
  return {};
}

}  // namespace melmill
