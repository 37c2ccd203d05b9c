#ifndef MELMILL_IO_FILE_WRITE_BACK_H_
#define MELMILL_IO_FILE_WRITE_BACK_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "io/file/durable_file.h"

namespace melmill {

// Starts writing each 8 MiB of a range of a file to the disk as soon as all its
// bytes are final (bench/studies/NOTEBOOK.md has the gain). Thread-safe.
class WriteBack {
 public:
  // The range is bytes [offset, offset + num_bytes) of the file.
  WriteBack(uint64_t offset, uint64_t num_bytes);

  // Says that these bytes are final. `begin` counts from the start of the
  // range. Call it once for each byte.
  void AddFinal(uint64_t begin, uint64_t num_bytes, DurableFile* file);

 private:
  static constexpr uint64_t kBlockBytes = uint64_t{8} << 20;

  uint64_t BlockBytes(uint64_t block) const;

  uint64_t offset_;
  uint64_t num_bytes_;
  std::vector<std::atomic<uint64_t>> final_bytes_;  // by block
};

}  // namespace melmill

#endif  // MELMILL_IO_FILE_WRITE_BACK_H_
