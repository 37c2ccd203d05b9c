#ifndef MELMILL_IO_FILE_DURABLE_FILE_H_
#define MELMILL_IO_FILE_DURABLE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "io/file/name_change.h"
#include "io/result.h"

namespace melmill {

// All errors here are kMachineFault.

// A file that gets its final name only when it is whole and on the disk:
// created under TemporaryName(path), written, fsynced, renamed, folder
// fsynced. An object that is destroyed without Commit removes the temporary
// file. At most one for a path at a time.
// WriteAt may be called from any number of threads for different bytes;
// everything else from one.
class DurableFile {
 public:
  // Creates the temporary file, never through a link.
  static Result<DurableFile> Create(const std::string& path);

  // Takes over a temporary file that CreateH5File made.
  static Result<DurableFile> Adopt(const std::string& path);

  ~DurableFile();
  DurableFile(DurableFile&& other) noexcept;
  DurableFile& operator=(DurableFile&& other) noexcept;

  // Reserves the disk space of the first num_bytes, so that a full disk shows
  // now. A shorter file grows to this size. Where the file system cannot,
  // returns success and does nothing.
  Result<void> Reserve(uint64_t num_bytes);

  Result<void> WriteAt(uint64_t offset, std::span<const std::byte> bytes);

  // Has the system begin to write these bytes to the disk, without waiting for
  // them to be there (though perhaps for room in the device's queue), so that
  // Commit finds little left to do. Without effect where it cannot; an
  // error of the disk shows in Commit.
  void StartWriteBack(uint64_t offset, uint64_t num_bytes);

  // Appends after what Append wrote before; buffered.
  Result<void> Append(std::string_view text);

  // Reads back what was written (Append: after Flush).
  Result<void> ReadAt(uint64_t offset, std::span<std::byte> bytes) const;
  Result<void> Flush();

  // Flush, fsync, close, the final name, fsync of the folder. An existing file
  // of that name is never replaced, except `replaced` if it is given. If it has
  // the same bytes, Commit succeeds; otherwise that is an error. After an error
  // the temporary file is removed; fsync is never tried twice.
  Result<void> Commit(const std::optional<FileIdentity>& replaced = {});

  const std::string& path() const { return path_; }

 private:
  DurableFile(std::string path, int fd);
  Result<void> Close();
  Result<void> TakeName(const std::optional<FileIdentity>& replaced);
  void Discard();

  std::string path_;  // the final name; empty once committed or moved from
  int fd_ = -1;
  std::string buffer_;
  uint64_t append_offset_ = 0;
};

// Writes a whole small file durably; see DurableFile::Commit.
Result<void> WriteFileDurably(const std::string& path, std::string_view text);

// The whole of a small file. Errors: kNotFound, or kMachineFault; also when
// the file is larger than max_bytes.
Result<std::string> ReadSmallFile(const std::string& path, size_t max_bytes);

// fsync of a folder, so that names made or removed in it survive power loss.
Result<void> SyncFolder(const std::string& folder);

// unlink; a file that is not there is no error.
Result<void> RemoveFile(const std::string& path);

}  // namespace melmill

#endif  // MELMILL_IO_FILE_DURABLE_FILE_H_
