#include "pipeline/unreadable_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "io/audio_file.h"

namespace melmill {
namespace {

// Reads the beginning of a file from its device.
Result<void> ReadFromDevice(const std::string& path) {
  constexpr uint64_t kNumBytes = uint64_t{64} << 10;
  const Result<AudioFile> file = AudioFile::Open(path);
  if (!file.ok()) return file.error();
  file.value().DropCached();
  std::vector<std::byte> bytes(
      static_cast<size_t>(std::min(kNumBytes, file.value().size_bytes())));
  return file.value().ReadAt(0, bytes);
}

}  // namespace

void UnreadableFiles::AddRead(const RecordTask& task) {
  num_in_a_row_ = 0;
  witness_path_ = task.path;
}

Result<void> UnreadableFiles::AddFailure(const RecordTask& task,
                                         const Error& error) {
  if (++num_in_a_row_ < kMaxFailuresInARow) return {};
  return Error{
      ErrorCode::kMachineFault,
      fmt::format("{} files in a row cannot be read or have changed, the last "
                  "one {}: {}",
                  num_in_a_row_, task.path, error.message)};
}

Result<void> UnreadableFiles::CheckMayReject(const RecordTask& task,
                                             const Error& error) {
  if (witness_path_.empty()) {
    if (!std::exchange(has_rejected_, true)) return {};
    return Error{ErrorCode::kMachineFault,
                 fmt::format("no file can be read, the last one {}: {}",
                             task.path, error.message)};
  }
  const Result<void> read = ReadFromDevice(witness_path_);
  if (read.ok()) return {};
  return Error{ErrorCode::kMachineFault,
               fmt::format("{}: {}; nor can {} be read any more: {}", task.path,
                           error.message, witness_path_, read.error().message)};
}

}  // namespace melmill
