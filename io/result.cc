#include "io/result.h"

#include <system_error>

namespace melmill {

// A switch and not a table: the compiler then names a code without a name.
std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNone:
      return "none";
    case ErrorCode::kLineTooLong:
      return "line_too_long";
    case ErrorCode::kRawNul:
      return "raw_nul";
    case ErrorCode::kInvalidUtf8:
      return "invalid_utf8";
    case ErrorCode::kBadJson:
      return "bad_json";
    case ErrorCode::kNotAnObject:
      return "not_an_object";
    case ErrorCode::kTooDeep:
      return "too_deep";
    case ErrorCode::kDuplicateKey:
      return "duplicate_key";
    case ErrorCode::kNumberOutOfRange:
      return "number_out_of_range";
    case ErrorCode::kMissingAudio:
      return "missing_audio";
    case ErrorCode::kBadAudio:
      return "bad_audio";
    case ErrorCode::kMissingText:
      return "missing_text";
    case ErrorCode::kBadText:
      return "bad_text";
    case ErrorCode::kBadPrompt:
      return "bad_prompt";
    case ErrorCode::kTextTemplate:
      return "text_template";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kNoPermission:
      return "no_permission";
    case ErrorCode::kIsDirectory:
      return "is_directory";
    case ErrorCode::kNotRegularFile:
      return "not_regular_file";
    case ErrorCode::kSymlinkLoop:
      return "symlink_loop";
    case ErrorCode::kOpenFailed:
      return "open_failed";
    case ErrorCode::kEmptyFile:
      return "empty_file";
    case ErrorCode::kNotWav:
      return "not_wav";
    case ErrorCode::kUnsupportedFormat:
      return "unsupported_format";
    case ErrorCode::kBadHeader:
      return "bad_header";
    case ErrorCode::kBadSampleRate:
      return "bad_sample_rate";
    case ErrorCode::kBadChannels:
      return "bad_channels";
    case ErrorCode::kNoSamples:
      return "no_samples";
    case ErrorCode::kTruncated:
      return "truncated";
    case ErrorCode::kLyingSize:
      return "lying_size";
    case ErrorCode::kTooShort:
      return "too_short";
    case ErrorCode::kTooLong:
      return "too_long";
    case ErrorCode::kSeveralFiles:
      return "several_files";
    case ErrorCode::kNotFinite:
      return "not_finite";
    case ErrorCode::kDecodeFailed:
      return "decode_failed";
    case ErrorCode::kChangedSincePlan:
      return "changed_since_plan";
    case ErrorCode::kIoError:
      return "io_error";
    case ErrorCode::kPoison:
      return "poison";
    case ErrorCode::kStopped:
      return "stopped";
    case ErrorCode::kMachineFault:
      return "machine_fault";
  }
  // A number from a damaged plan or shard.
  return "unknown";
}

std::string_view ErrorStageName(ErrorCode code) {
  const int number = static_cast<int>(code);
  if (number == 0) return "none";
  if (number < 32) return "manifest";
  if (number < 64) return "open";
  if (number < 96) return "header";
  if (number < 128) return "decode";
  return "machine";
}

Error MachineFault(std::string_view what, int error_number) {
  // Not strerror, whose buffer threads share.
  return Error{
      ErrorCode::kMachineFault,
      std::string(what) + ": " + std::generic_category().message(error_number),
      error_number};
}

}  // namespace melmill
