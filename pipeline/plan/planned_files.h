#ifndef MELMILL_PIPELINE_PLAN_PLANNED_FILES_H_
#define MELMILL_PIPELINE_PLAN_PLANNED_FILES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "io/file/file_facts.h"
#include "io/result.h"
#include "store/plan/plan_row.h"
#include "store/table/table.h"
#include "store/table/table_spool.h"

namespace melmill {

// A planned row's file as the plan saw it.
struct PlannedFile {
  FileFacts facts;
  uint64_t identity = 0;   // SeenSource::source_identity
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
  uint64_t size() const { return spool_.num_rows(); }

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

// Calls visit(row_number, const PlanRow&, const PlannedFile&) for the planned
// rows of a plan, in order, as ForEachPlanRow does.
template <typename Visit>
Result<void> ForEachPlannedRow(const TableReader& rows,
                               const PlannedFiles& files, Visit visit) {
  PlannedFileReader reader(files, files.size());
  return ForEachPlanRow(
      rows, 0, rows.num_rows(),
      [&](uint64_t number, const PlanRow& row) -> Result<void> {
        if (!row.is_planned()) return {};
        const Result<PlannedFile> file = reader.Next();
        if (!file.ok()) return file.error();
        return visit(number, row, file.value());
      });
}

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_PLANNED_FILES_H_
