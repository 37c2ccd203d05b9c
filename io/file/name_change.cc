#include "io/file/name_change.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <vector>

#include "io/file/system_calls.h"
#include "io/file/temporary_name.h"

namespace melmill {
namespace {

// Returns 0 or an errno.
int Rename(const std::string& from, const std::string& to, unsigned flags) {
  const int failed = WithoutInterruption([&] {
    return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags);
  });
  return failed == 0 ? 0 : errno;
}

Result<void> PlainRename(const std::string& from, const std::string& to) {
  const int failed =
      WithoutInterruption([&] { return ::rename(from.c_str(), to.c_str()); });
  if (failed != 0) return FileFault("rename to", to, errno);
  return {};
}

Result<void> Unlink(const std::string& path) {
  const int failed =
      WithoutInterruption([&] { return ::unlink(path.c_str()); });
  if (failed != 0) return FileFault("remove", path, errno);
  return {};
}

// Whether this errno of renameat2 means that the file system does not support
// such a rename.
bool LacksRename(int error_number) {
  return error_number == EINVAL || IsUnsupported(error_number);
}

bool AreOneFile(const std::string& path, const std::string& other) {
  const auto identity = Identify(path);
  const auto other_identity = Identify(other);
  return identity.ok() && other_identity.ok() && identity.value() &&
         identity.value() == other_identity.value();
}

// NameIfFree for file systems without renameat2.
Result<bool> NameByLink(const std::string& from, const std::string& to) {
  const int linked =
      WithoutInterruption([&] { return ::link(from.c_str(), to.c_str()); });
  const int error_number = linked == 0 ? 0 : errno;
  // The server may have made the link even if its answer was lost.
  if (linked == 0 || AreOneFile(from, to)) {
    if (auto done = Unlink(from); !done.ok()) return done.error();
    return true;
  }
  if (error_number == EEXIST) return false;
  if (!LacksRename(error_number) && error_number != EPERM &&
      error_number != EMLINK) {
    return FileFault("link to", to, error_number);
  }
  const auto there = Identify(to);
  if (!there.ok()) return there.error();
  if (there.value()) return false;
  if (auto done = PlainRename(from, to); !done.ok()) return done.error();
  return true;
}

}  // namespace

Result<std::optional<FileIdentity>> Identify(const std::string& path) {
  struct stat status = {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return std::optional<FileIdentity>();
    return FileFault("stat", path, errno);
  }
  constexpr int64_t kNanoseconds = 1'000'000'000;
  return std::optional<FileIdentity>({
      .device = status.st_dev,
      .inode = status.st_ino,
      .num_bytes = static_cast<uint64_t>(status.st_size),
      .modified_ns =
          status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec,
  });
}

Result<bool> NameIfFree(const std::string& from, const std::string& to) {
  const int error_number = Rename(from, to, RENAME_NOREPLACE);
  if (error_number == 0) return true;
  if (error_number == EEXIST) return false;
  if (LacksRename(error_number)) return NameByLink(from, to);
  return FileFault("rename to", to, error_number);
}

Result<bool> ReplaceIfSame(const std::string& from, const std::string& to,
                           const FileIdentity& seen) {
  const auto there = Identify(to);
  if (!there.ok()) return there.error();
  if (there.value() != seen) return false;
  const int error_number = Rename(from, to, RENAME_EXCHANGE);
  if (LacksRename(error_number)) {
    if (auto done = PlainRename(from, to); !done.ok()) return done.error();
    return true;
  }
  if (error_number != 0) return FileFault("rename to", to, error_number);
  const auto taken = Identify(from);
  if (taken.ok() && taken.value() == seen) {
    if (auto done = Unlink(from); !done.ok()) return done.error();
    return true;
  }
  // Another process was quicker: its file goes back.
  if (const int failed = Rename(from, to, RENAME_EXCHANGE); failed != 0) {
    return FileFault("rename to", to, failed);
  }
  if (!taken.ok()) return taken.error();
  return false;
}

Result<bool> RemoveIfSame(const std::string& path, const FileIdentity& seen) {
  const auto there = Identify(path);
  if (!there.ok()) return there.error();
  if (there.value() != seen) return false;
  const std::string aside = TemporaryName(path);
  if (auto moved = PlainRename(path, aside); !moved.ok()) {
    if (moved.error().detail == ENOENT) return false;
    return FileFault("remove", path, moved.error().detail);
  }
  const auto taken = Identify(aside);
  if (!taken.ok()) return taken.error();
  if (taken.value() == seen) {
    if (auto done = Unlink(aside); !done.ok()) return done.error();
    return true;
  }
  // Another process was quicker: its file goes back.
  const auto given_back = NameIfFree(aside, path);
  if (!given_back.ok()) return given_back.error();
  if (given_back.value()) return false;
  return Error{ErrorCode::kMachineFault,
               "remove " + path + ": another process keeps changing it"};
}

bool HaveSameBytes(const std::string& path, const std::string& other) {
  constexpr uint64_t kBlockBytes = uint64_t{1} << 20;
  const ReadableFile file = OpenForReading(path);
  const ReadableFile other_file = OpenForReading(other);
  if (file.error != 0 || other_file.error != 0 ||
      file.size_bytes != other_file.size_bytes) {
    return false;
  }
  std::vector<std::byte> block(kBlockBytes);
  std::vector<std::byte> other_block(kBlockBytes);
  for (uint64_t at = 0; at < file.size_bytes; at += kBlockBytes) {
    const auto num_bytes = static_cast<size_t>(
        std::min<uint64_t>(kBlockBytes, file.size_bytes - at));
    const auto bytes = std::span(block).first(num_bytes);
    const auto other_bytes = std::span(other_block).first(num_bytes);
    if (ReadExactly(file.fd.get(), at, bytes) != 0 ||
        ReadExactly(other_file.fd.get(), at, other_bytes) != 0 ||
        !std::equal(bytes.begin(), bytes.end(), other_bytes.begin())) {
      return false;
    }
  }
  return true;
}

}  // namespace melmill
