#ifndef MELMILL_IO_FILE_INPUT_FILE_H_
#define MELMILL_IO_FILE_INPUT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "io/file/byte_source.h"
#include "io/file/file_facts.h"
#include "io/result.h"

namespace melmill {

// A regular file, or a range of its bytes, open for reading. Opening never
// blocks (FIFOs, devices) and never takes over a terminal. Anything but a
// regular file is an error. Of a file opened with a range, sizes and offsets
// are those of the range, and no byte outside it is read.
class InputFile : public ByteSource {
 public:
  // Errors: the codes of stage "open"; kIoError for EIO, ESTALE and the like;
  // kMachineFault if the process is out of file descriptors or memory.
  // kRangeOutside if the file does not have the whole range.
  static Result<InputFile> Open(const std::string& path,
                                const std::optional<ByteRange>& range = {});

  ~InputFile() override;
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;

  // The size of the range, or of the file when it was opened.
  uint64_t size_bytes() const override { return size_bytes_; }
  const FileFacts& facts() const { return facts_; }
  uint64_t device() const { return device_; }  // st_dev

  // Continues after short reads and EINTR.
  Result<void> ReadAt(uint64_t offset,
                      std::span<std::byte> bytes) const override;

  // Like ReadAt, but never waits for the device. Returns false if the bytes are
  // not all in the page cache, if this file system cannot tell, and on any
  // error; then use ReadAt.
  bool ReadCachedAt(uint64_t offset, std::span<std::byte> bytes) const;

  // Tells the system that these bytes will be read soon, so that the device has
  // work before a thread waits for them. Does not wait for the bytes. Does
  // nothing where this is not supported.
  void WillNeed(uint64_t offset, uint64_t num_bytes) const;

  // For a caller that reads bytes twice. Errors: kChangedSincePlan if the file
  // has changed since it was opened, as far as its times tell; kIoError if the
  // system cannot say.
  Result<void> CheckUnchanged() const;

  // Asks the system to drop the whole file from its page cache, unless another
  // process uses it. The next read then goes to the device.
  void DropCached() const;

 private:
  explicit InputFile(int fd) : fd_(fd) {}

  int fd_ = -1;
  uint64_t begin_ = 0;  // of the range
  uint64_t size_bytes_ = 0;
  uint64_t device_ = 0;
  FileFacts facts_;
};

}  // namespace melmill

#endif  // MELMILL_IO_FILE_INPUT_FILE_H_
