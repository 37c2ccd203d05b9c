#ifndef MELMILL_PIPELINE_EXTRACT_UNREADABLE_FILES_H_
#define MELMILL_PIPELINE_EXTRACT_UNREADABLE_FILES_H_

#include <cstddef>
#include <set>
#include <string>

#include "io/result.h"
#include "pipeline/plan/planned_work.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_task.h"

namespace melmill {

// This many unreadable files in a row are the machine's fault and end the run.
inline constexpr int kMaxFailuresInARow = 16;

// So does one more than this many that could not be read since.
inline constexpr size_t kMaxUnreadableFiles = 256;

// Reads the beginning of a file from its device, not from the page cache.
// Errors: those of InputFile.
Result<void> ReadFromDevice(const std::string& path);

// Distinguishes a file that cannot be read from a failing machine: a disk, a
// server, a mount. The last file that was read is its witness.
class UnreadableFiles {
 public:
  // Everything `work` refers to must outlive it.
  explicit UnreadableFiles(const PlannedWork& work) : work_(work) {}

  // Records that the row's file was read to its end.
  void AddRead(const RowTask& task);

  // Records that a file could not be read in the first attempt, with an error
  // for which MayBeMachineFault is true. Any number of pieces of a file count
  // once. Error: kMachineFault if too many files failed, in a row or in all.
  Result<void> AddFailure(const RowTask& task, const Error& error);

  // Decides about a row whose file could not be read in the last attempt
  // either. The row may be rejected if the witness can still be read from its
  // device. Before any file was read to its end, it may be rejected if another
  // file of the plan can be read. Waits for that read. Error: kMachineFault if
  // the row may not be rejected.
  Result<void> CheckMayReject(const RowTask& task, const Error& error);

 private:
  Result<void> CheckOtherFiles(const RowTask& task, const Error& error) const;

  const PlannedWork work_;
  std::string witness_path_;            // empty if there is none yet
  std::set<std::string> failed_paths_;  // since a file was read
  std::set<std::string> unread_paths_;  // failed, and not read since
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_EXTRACT_UNREADABLE_FILES_H_
