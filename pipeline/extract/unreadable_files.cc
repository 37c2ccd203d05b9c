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
  unread_paths_.erase(task.path);
  witness_path_ = task.path;
}

Result<void> UnreadableFiles::AddFailure(const RowTask& task,
                                         const Error& error) {
  failed_paths_.insert(task.path);
  unread_paths_.insert(task.path);
  const auto fault = [&](const std::string& files) -> Result<void> {
    return Error{ErrorCode::kMachineFault,
                 fmt::format("{} cannot be read or have changed, the last one "
                             "{}: {}",
                             files, task.path, error.message)};
  };
  if (failed_paths_.size() >= kMaxFailuresInARow) {
    return fault(fmt::format("{} files in a row", failed_paths_.size()));
  }
  if (unread_paths_.size() > kMaxUnreadableFiles) {
    return fault(fmt::format("{} files", unread_paths_.size()));
  }
  return {};
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

// Trying the first few files is enough: if all of them are bad, the run stops
// and nothing is lost.
Result<void> UnreadableFiles::CheckOtherFiles(const RowTask& task,
                                              const Error& error) const {
  constexpr size_t kMaxTried = 16;
  std::set<std::string> tried;
  bool any_read = false;
  const Result<void> visited = VisitPlanRows(
      *work_.plan.rows, 0, work_.plan.rows->num_rows(),
      [&](uint64_t, const PlanRow& row) -> Result<Visiting> {
        if (!row.is_planned() || row.written_path() == task.written_path ||
            !tried.insert(row.written_path()).second) {
          return Visiting::kGoOn;
        }
        any_read = ReadFromDevice(
                       ResolveAudioPath(work_.audio_root, row.written_path()))
                       .ok();
        return any_read || tried.size() == kMaxTried ? Visiting::kEnough
                                                     : Visiting::kGoOn;
      });
  if (!visited.ok()) return visited;
  if (any_read || tried.empty()) return {};
  return Error{ErrorCode::kMachineFault,
               fmt::format("{}: {}; {} other files cannot be read either",
                           task.path, error.message, tried.size())};
}

}  // namespace melmill
