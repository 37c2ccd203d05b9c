#ifndef MELMILL_PIPELINE_PLAN_PLANNED_FILES_H_
#define MELMILL_PIPELINE_PLAN_PLANNED_FILES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/file/file_facts.h"
#include "io/result.h"
#include "store/table/table.h"
#include "store/table/table_spool.h"

namespace melmill {

// A planned row's file as the plan saw it.
struct PlannedFile {
  FileFacts facts;
  uint64_t identity = 0;   // SeenSource::piece_identity
  uint64_t num_bytes = 0;  // Source::bytes_to_read
};

// The files of all planned rows, in order; rejected lines have no number.
// Memory does not grow with their number. They are not part of plan.h5, because
// times and inodes belong to one machine.
class PlannedFiles {
 public:
  // `spool_folder` is where a nameless temporary file may go.
  explicit PlannedFiles(const std::string& spool_folder);

  // Error of Add and Read: kMachineFault.
  Result<void> Add(const PlannedFile& file);
  Result<std::vector<PlannedFile>> Read(uint64_t first, size_t count) const;

 private:
  TableSpool spool_;
};

// Reads all files in order.
class PlannedFileReader {
 public:
  // `files` must outlive the reader. `num_files` is their number.
  PlannedFileReader(const PlannedFiles& files, uint64_t num_files)
      : files_(files), num_left_(num_files) {}

  // The next file; there must be one. Error: kMachineFault.
  Result<PlannedFile> Next();

 private:
  const PlannedFiles& files_;
  uint64_t num_left_;  // files that are not in piece_ yet
  uint64_t num_read_ = 0;
  std::vector<PlannedFile> piece_;
  size_t at_ = 0;  // the next one in piece_
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_PLANNED_FILES_H_
