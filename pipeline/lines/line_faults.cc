#include "pipeline/lines/line_faults.h"

#include <fmt/format.h>

namespace melmill {
namespace {

// This many I/O errors in a row are the machine's fault, not the files'.
constexpr int kMaxIoErrorsInARow = 16;

}  // namespace

Result<void> LineFaults::Check(const PlannedLine& planned) {
  const PlanRow& row = planned.row;
  if (row.code != RejectCode::kIoError) {
    num_io_errors_in_a_row_ = 0;
    unread_path_.clear();
  } else if (row.written_path() != unread_path_) {
    // Several pieces of a file count once.
    ++num_io_errors_in_a_row_;
    unread_path_ = row.written_path();
  }
  if (!planned.fault && num_io_errors_in_a_row_ < kMaxIoErrorsInARow) return {};
  return Error{
      ErrorCode::kMachineFault,
      fmt::format("{}: {}", row.written_path(),
                  planned.fault ? planned.fault->message : row.message)};
}

}  // namespace melmill
