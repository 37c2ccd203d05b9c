#ifndef MELMILL_IO_FILE_FILE_DIGEST_H_
#define MELMILL_IO_FILE_FILE_DIGEST_H_

#include <cstdint>
#include <initializer_list>
#include <string>

#include "io/result.h"

namespace melmill {

struct FileDigest {
  uint64_t num_bytes = 0;  // of the file
  uint64_t checksum = 0;   // XXH3-64
};

// Bytes of a file that a digest leaves out.
struct SkippedBytes {
  uint64_t offset = 0;
  uint64_t num_bytes = 0;
};

// Reads a file of a store and hashes its bytes, except for `skipped` (in order,
// not overlapping). Errors: kNotFound; kTruncated if the file ends within
// `skipped` or while it is read; kDamaged if it is not a regular file;
// kMachineFault if it cannot be read.
Result<FileDigest> DigestFile(const std::string& path,
                              std::initializer_list<SkippedBytes> skipped = {});

}  // namespace melmill

#endif  // MELMILL_IO_FILE_FILE_DIGEST_H_
