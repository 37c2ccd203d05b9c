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
  // Without the line ending ("\n" or "\r\n") and, on line 1, without a UTF-8
  // byte order mark. Empty for a line that is too long.
  std::string bytes;
  bool too_long = false;  // over kMaxLineBytes: skipped, not kept
};

// Reads a text file line by line, as long as it was when it was opened; memory
// is bounded by 1.5 kMaxLineBytes and 1 MiB whatever the file holds. A last
// line without a line ending counts. One thread.
class LineReader {
 public:
  // Errors: kNotFound, kNoPermission, ... as InputFile::Open (the file must be
  // a regular one).
  static Result<LineReader> Open(const std::string& path);

  ~LineReader();
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;

  // The next line, or nothing at the end. Errors: kIoError, also for a file
  // that has become shorter; then the reader is of no further use.
  Result<std::optional<Line>> Next();

  // The hash of all bytes, once Next has reached the end.
  Hash128 ContentHash() const;

 private:
  class Impl;
  explicit LineReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace melmill

#endif  // MELMILL_IO_FILE_LINE_READER_H_
