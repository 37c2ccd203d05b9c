#ifndef MELMILL_IO_FILE_LINE_READER_H_
#define MELMILL_IO_FILE_LINE_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "io/hash.h"
#include "io/result.h"

namespace melmill {

inline constexpr size_t kMaxLineBytes = size_t{16} << 20;

struct Line {
  uint64_t number = 0;  // from 1
  // The bytes without the line ending ("\n" or "\r\n") and, on line 1, without
  // a UTF-8 byte order mark. Empty if the line is too long.
  std::string bytes;
  bool too_long = false;  // over kMaxLineBytes; skipped
};

// Reads a text file line by line, up to the size it had when it was opened.
// Memory stays below 1.5 kMaxLineBytes and 1 MiB whatever the file holds. A
// last line without a line ending counts. For one thread.
class LineReader {
 public:
  // The file must be a regular one. Errors: as InputFile::Open.
  static Result<LineReader> Open(const std::string& path);

  ~LineReader();
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;

  // Returns the next line, or nothing at the end. Error: kIoError, also if the
  // file has become shorter. After an error the reader must not be used.
  Result<std::optional<Line>> Next();

  uint64_t num_bytes() const;  // of the file
  uint64_t offset() const;     // of the next line

  // Goes on to the first line that begins at or behind an offset. Then the
  // numbers of lines and ContentHash mean nothing. Error: as Next.
  Result<void> SkipTo(uint64_t offset);

  // The hash of all bytes. Next must have reached the end.
  Hash128 ContentHash() const;

 private:
  class Impl;
  explicit LineReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace melmill

#endif  // MELMILL_IO_FILE_LINE_READER_H_
