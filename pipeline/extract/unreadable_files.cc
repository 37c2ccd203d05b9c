#include "pipeline/extract/unreadable_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "io/file/input_file.h"
#include "pipeline/row/row_task.h"
#include "pipeline/setup/run_config.h"
#include "store/plan/plan_row.h"

namespace melmill {

Result<void> ReadFromDevice(const std::string& path) {
  constexpr uint64_t kNumBytes = uint64_t{64} << 10;
  const Result<InputFile> file = InputFile::Open(path);
  if (!file.ok()) return file.error();
  file.value().DropCached();
  std::vector<std::byte> bytes(
      static_cast<size_t>(std::min(kNumBytes, file.value().size_bytes())));
  return file.value().ReadAt(0, bytes);
}

void UnreadableFiles::AddRead(const RowTask& task) {
  failed_paths_.clear();
  witness_path_ = task.path;
}

Result<void> UnreadableFiles::AddFailure(const RowTask& task,
                                         const Error& error) {
  failed_paths_.insert(task.path);
  if (failed_paths_.size() < kMaxFailuresInARow) return {};
  return Error{
      ErrorCode::kMachineFault,
      fmt::format("{} files in a row cannot be read or have changed, the last "
                  "one {}: {}",
                  failed_paths_.size(), task.path, error.message)};
}

Result<void> UnreadableFiles::CheckMayReject(const RowTask& task,
                                             const Error& error) {
  if (witness_path_.empty()) return CheckOtherFiles(task, error);
  const Result<void> read = ReadFromDevice(witness_path_);
  if (read.ok()) return {};
  return Error{
      ErrorCode::kMachineFault,
      fmt::format("{}: {}; {} cannot be read any more either: {}", task.path,
                  error.message, witness_path_, read.error().message)};
}

// Trying the first few is enough: if all of them are bad, the run stops and
// nothing is lost.
Result<void> UnreadableFiles::CheckOtherFiles(const RowTask& task,
                                              const Error& error) const {
  constexpr int kMaxTried = 16;
  int num_tried = 0;
  bool any_read = false;
  const Result<void> visited = VisitPlanRows(
      *work_.plan.rows, 0, work_.plan.rows->num_rows(),
      [&](uint64_t, const PlanRow& row) -> Result<Visiting> {
        if (!row.is_planned() || row.written_path() == task.written_path) {
          return Visiting::kGoOn;
        }
        ++num_tried;
        any_read = ReadFromDevice(
                       ResolveAudioPath(work_.audio_root, row.written_path()))
                       .ok();
        return any_read || num_tried == kMaxTried ? Visiting::kEnough
                                                  : Visiting::kGoOn;
      });
  if (!visited.ok()) return visited;
  if (any_read || num_tried == 0) return {};
  return Error{ErrorCode::kMachineFault,
               fmt::format("{}: {}; {} other files cannot be read either",
                           task.path, error.message, num_tried)};
}

}  // namespace melmill
