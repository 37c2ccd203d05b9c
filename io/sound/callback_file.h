#ifndef MELMILL_IO_SOUND_CALLBACK_FILE_H_
#define MELMILL_IO_SOUND_CALLBACK_FILE_H_

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>

#include "io/file/byte_source.h"
#include "io/result.h"

namespace melmill {

// A source as the callbacks of C libraries want it: with a position, and
// without exceptions. What goes wrong is kept for the caller of the library;
// after it, the source seems to end. For one thread; the source must outlive
// it.
class CallbackFile {
 public:
  explicit CallbackFile(const ByteSource& source) : source_(source) {}
  CallbackFile(const CallbackFile&) = delete;
  CallbackFile& operator=(const CallbackFile&) = delete;

  int64_t size_bytes() const {
    return static_cast<int64_t>(source_.size_bytes());
  }
  int64_t position() const { return position_; }

  // Fills `to` from the position on, and returns the number of bytes: fewer
  // only at the end, 0 after an error.
  int64_t Read(std::span<std::byte> to) noexcept;

  // Takes SEEK_SET, SEEK_CUR or SEEK_END. Returns the new position.
  int64_t Seek(int64_t offset, int whence) noexcept;

  // Returns the first error of the source; throws what it threw.
  Result<void> Outcome() const;

 private:
  const ByteSource& source_;
  int64_t position_ = 0;
  std::optional<Error> error_;
  std::exception_ptr exception_;
};

}  // namespace melmill

#endif  // MELMILL_IO_SOUND_CALLBACK_FILE_H_
