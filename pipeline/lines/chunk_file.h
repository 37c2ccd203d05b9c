#ifndef MELMILL_PIPELINE_LINES_CHUNK_FILE_H_
#define MELMILL_PIPELINE_LINES_CHUNK_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/result.h"
#include "pipeline/input/planned_line.h"
#include "store/table/table_file.h"
#include "store/table/table_spool.h"

namespace melmill {

// A file of the planned lines of one chunk of a manifest, in order. It spares
// another run the reading of their headers.

class ChunkFile;

class ChunkWriter {
 public:
  // `spool_folder` is where a nameless temporary file may go.
  explicit ChunkWriter(const std::string& spool_folder);

  // Adds a planned line. `bytes_hash` is the Xxh3_64 of its bytes. Error:
  // kMachineFault.
  Result<void> Add(uint64_t bytes_hash, const PlannedLine& planned);

  // Adds the first lines of a file as they are. Errors: those of VisitRows.
  Result<void> AddFirstLines(const ChunkFile& file, uint64_t num_lines);

  // Writes the file durably, in place of one of that name. If another process
  // writes it at the same time, either file stays. Error: kMachineFault.
  Result<void> Commit(const std::string& path) const;

 private:
  TableSpool spool_;
};

class ChunkFile {
 public:
  // Nothing if the file is missing, damaged, or cannot be read.
  static std::unique_ptr<ChunkFile> Open(const std::string& path);

  // Whether this machine wrote it, and has not been started again since.
  bool is_own() const { return is_own_; }

  // Sets what is known of these lines: `lines` are those from number `first` of
  // the chunk on, and `bytes_hashes` belong to their bytes. Returns for each
  // whether it is known. A line is not known if its bytes have changed, if the
  // file is damaged there, or if it was rejected for what another machine, or
  // another moment, may see otherwise. Thread-safe.
  std::vector<bool> Restore(uint64_t first,
                            const std::vector<uint64_t>& bytes_hashes,
                            std::vector<PlannedLine>* lines) const;

 private:
  friend class ChunkWriter;
  explicit ChunkFile(std::unique_ptr<TableFile> table)
      : table_(std::move(table)) {}

  std::unique_ptr<TableFile> table_;
  bool is_own_ = false;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_LINES_CHUNK_FILE_H_
