#include "io/reject_code.h"

namespace melmill {

// This is a switch, not a table, so that the compiler warns of a code without a
// name.
std::string_view RejectCodeName(RejectCode code) {
  switch (code) {
    case RejectCode::kNone:
      return "none";
    case RejectCode::kLineTooLong:
      return "line_too_long";
    case RejectCode::kRawNul:
      return "raw_nul";
    case RejectCode::kInvalidUtf8:
      return "invalid_utf8";
    case RejectCode::kBadJson:
      return "bad_json";
    case RejectCode::kNotAnObject:
      return "not_an_object";
    case RejectCode::kTooDeep:
      return "too_deep";
    case RejectCode::kDuplicateKey:
      return "duplicate_key";
    case RejectCode::kNumberOutOfRange:
      return "number_out_of_range";
    case RejectCode::kMissingAudio:
      return "missing_audio";
    case RejectCode::kBadAudio:
      return "bad_audio";
    case RejectCode::kMissingText:
      return "missing_text";
    case RejectCode::kBadText:
      return "bad_text";
    case RejectCode::kBadPrompt:
      return "bad_prompt";
    case RejectCode::kTextTemplate:
      return "text_template";
    case RejectCode::kBadSegment:
      return "bad_segment";
    case RejectCode::kBadRange:
      return "bad_range";
    case RejectCode::kNotFound:
      return "not_found";
    case RejectCode::kNoPermission:
      return "no_permission";
    case RejectCode::kIsDirectory:
      return "is_directory";
    case RejectCode::kNotRegularFile:
      return "not_regular_file";
    case RejectCode::kSymlinkLoop:
      return "symlink_loop";
    case RejectCode::kOpenFailed:
      return "open_failed";
    case RejectCode::kEmptyFile:
      return "empty_file";
    case RejectCode::kForeignFormat:
      return "not_wav";
    case RejectCode::kUnsupportedFormat:
      return "unsupported_format";
    case RejectCode::kBadHeader:
      return "bad_header";
    case RejectCode::kBadSampleRate:
      return "bad_sample_rate";
    case RejectCode::kBadChannels:
      return "bad_channels";
    case RejectCode::kNoSamples:
      return "no_samples";
    case RejectCode::kTruncated:
      return "truncated";
    case RejectCode::kLyingSize:
      return "lying_size";
    case RejectCode::kTooShort:
      return "too_short";
    case RejectCode::kTooLong:
      return "too_long";
    case RejectCode::kSeveralFiles:
      return "several_files";
    case RejectCode::kLengthUnknown:
      return "length_unknown";
    case RejectCode::kChained:
      return "chained";
    case RejectCode::kReferenceCuts:
      return "reference_cuts";
    case RejectCode::kSegmentOutside:
      return "segment_outside";
    case RejectCode::kRangeOutside:
      return "range_outside";
    case RejectCode::kNotFinite:
      return "not_finite";
    case RejectCode::kDecodeFailed:
      return "decode_failed";
    case RejectCode::kChangedSincePlan:
      return "changed_since_plan";
    case RejectCode::kIoError:
      return "io_error";
    case RejectCode::kPoison:
      return "poison";
    case RejectCode::kBadPage:
      return "bad_page";
  }
  // A number from a damaged plan or shard.
  return "unknown";
}

std::string_view RejectStageName(RejectCode code) {
  const int number = static_cast<int>(code);
  if (number == 0) return "none";
  if (number < 32) return "manifest";
  if (number < 64) return "open";
  if (number < 96) return "header";
  return "decode";
}

}  // namespace melmill
