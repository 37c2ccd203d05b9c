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

// Errors are kMachineFault, except for ReadSmallFile.

// A file that gets its final name only when all of it is on the disk. It is
// created under TemporaryName(path), written and fsynced; then it is renamed
// and its folder fsynced. Destroying an object without Commit removes the
// temporary file. At most one object may exist for a path at a time.
//
// Any number of threads may call WriteAt for different bytes. Only one thread
// may call the rest.
class DurableFile {
 public:
  // Creates the temporary file. Never follows a link.
  static Result<DurableFile> Create(const std::string& path);

  // Takes over a temporary file that CreateH5File made.
  static Result<DurableFile> Adopt(const std::string& path);

  ~DurableFile();
  DurableFile(DurableFile&& other) noexcept;
  DurableFile& operator=(DurableFile&& other) noexcept;

  // Reserves disk space for the first num_bytes, so that a full disk shows now.
  // A shorter file grows to this size. If the file system cannot reserve, does
  // nothing and returns success.
  Result<void> Reserve(uint64_t num_bytes);

  Result<void> WriteAt(uint64_t offset, std::span<const std::byte> bytes);

  // Asks the system to start writing these bytes to the disk, so that Commit
  // finds little left to do. Does not wait for the bytes, though perhaps for
  // room in the device's queue. Does nothing where this is not supported.
  // Commit reports errors of the disk.
  void StartWriteBack(uint64_t offset, uint64_t num_bytes);

  // Appends to what Append wrote before. The text is buffered.
  Result<void> Append(std::string_view text);

  // Reads back what was written. Bytes from Append can be read after Flush.
  Result<void> ReadAt(uint64_t offset, std::span<std::byte> bytes) const;
  Result<void> Flush();

  // Flushes, fsyncs, closes, gives the file its final name, and fsyncs the
  // folder. Never replaces an existing file of that name, except `replaced` if
  // it is given. If the existing file has the same bytes, Commit succeeds;
  // otherwise it fails, and the error's detail is EEXIST. After an error it
  // removes the temporary file; it never tries fsync twice.
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

// Writes a whole small file durably, as DurableFile::Commit does.
Result<void> WriteFileDurably(const std::string& path, std::string_view text);

// Reads the whole of a small file. Errors: kNotFound; kDamaged if the file is
// larger than max_bytes or not a regular file; kTruncated if it becomes shorter
// meanwhile; kMachineFault if it cannot be read.
Result<std::string> ReadSmallFile(const std::string& path, size_t max_bytes);

// Fsyncs a folder, so that names made or removed in it survive power loss.
Result<void> SyncFolder(const std::string& folder);

// Unlinks a file. A file that does not exist is no error.
Result<void> RemoveFile(const std::string& path);

}  // namespace melmill

#endif  // MELMILL_IO_FILE_DURABLE_FILE_H_
