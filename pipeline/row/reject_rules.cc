#include "pipeline/row/reject_rules.h"

#include <fmt/format.h>

#include <cassert>

#include "pipeline/row/row_task.h"

namespace melmill {

ShardRow MakeRejectedRow(const RowTask& task, const Error& error) {
  const SoundHeader& header = task.source.header;
  ShardRow row;
  row.status = RowStatus::kRejected;
  row.start = task.start;
  row.source_rate = static_cast<uint32_t>(header.sample_rate_hz);
  row.source_channels = static_cast<uint32_t>(header.num_channels);
  row.source_num_samples = static_cast<uint64_t>(header.num_samples);
  row.reject_code = error.code.reject();
  row.reject_detail = error.detail;
  return row;
}

bool MayBeMachineFault(ErrorCode code) {
  return code == RejectCode::kIoError ||
         code == RejectCode::kChangedSincePlan ||
         (code.is_reject() && RejectStageName(code.reject()) == "open");
}

Error LastingError(const Error& error) {
  if (RejectStageName(error.code.reject()) != "open") return error;
  return {RejectCode::kIoError,
          RejectMessage(RejectCode::kIoError, error.detail), error.detail};
}

std::string RejectMessage(RejectCode code, int64_t detail,
                          uint64_t source_num_samples) {
  switch (code) {
    case RejectCode::kNotFinite:
      return detail < 0 ? "samples too large to resample"
                        : fmt::format("sample {} is NaN or infinite", detail);
    case RejectCode::kDecodeFailed:
      return fmt::format("{} of {} samples could be decoded", detail,
                         source_num_samples);
    case RejectCode::kLyingSize:
      return fmt::format("the header counts {} samples, and more follow",
                         source_num_samples);
    case RejectCode::kSeveralFiles:
      return "holds several files back to back";
    case RejectCode::kTruncated:
      return fmt::format("the file ends before the {} samples of its header",
                         source_num_samples);
    case RejectCode::kReferenceCuts:
      return fmt::format(
          "has {} samples, of which libsndfile and librosa read "
          "{}; add a tag: ffmpeg -i in.mp3 -c copy out.mp3",
          source_num_samples, detail);
    case RejectCode::kBadHeader:
      return "its headers are damaged, or ask for too much memory";
    case RejectCode::kChained:
      return fmt::format("another Ogg stream begins at byte {}", detail);
    case RejectCode::kBadPage:
      return fmt::format(
          "the Ogg page at byte {} is damaged, or one before it "
          "is missing",
          detail);
    case RejectCode::kChangedSincePlan:
      return "the file changed after it was planned: its size or header "
             "differs, or it changed while it was read";
    case RejectCode::kIoError: {
      if (detail == 0) return "could not be read: not a regular file";
      const char* reason = strerrordesc_np(static_cast<int>(detail));
      return fmt::format("could not be read: {}",
                         reason == nullptr ? "unknown error" : reason);
    }
    case RejectCode::kPoison: {
      if (detail == 0) return "hung the program, and again when tried alone";
      const char* name = sigabbrev_np(static_cast<int>(detail));
      return fmt::format(
          "crashed the program (SIG{}), and again when tried alone",
          name == nullptr ? "?" : name);
    }
    default:
      return std::string(RejectCodeName(code));
  }
}

}  // namespace melmill
