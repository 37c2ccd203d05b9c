#ifndef MELMILL_IO_REJECT_CODE_H_
#define MELMILL_IO_REJECT_CODE_H_

#include <cstdint>
#include <string_view>

namespace melmill {

// Why a manifest line has no stored row. The numbers are stored in plans and
// shards: never change or reuse one.
enum class RejectCode : uint8_t {
  kNone = 0,

  // Errors of the line (stage "manifest").
  kLineTooLong = 1,
  kRawNul = 2,
  kInvalidUtf8 = 3,
  kBadJson = 4,
  kNotAnObject = 5,
  kTooDeep = 6,
  kDuplicateKey = 7,
  kNumberOutOfRange = 8,
  kMissingAudio = 9,
  kBadAudio = 10,  // not a string, empty, or contains NUL
  kMissingText = 11,
  kBadText = 12,       // not a string
  kBadPrompt = 13,     // neither a string nor null
  kTextTemplate = 14,  // only with --strict-text
  kBadSegment = 15,    // fields that cut no possible segment
  kBadRange = 16,      // fields that are no range of bytes

  // Errors of the file (stage "open").
  kNotFound = 32,
  kNoPermission = 33,
  kIsDirectory = 34,
  kNotRegularFile = 35,
  kSymlinkLoop = 36,
  kOpenFailed = 37,  // any other errno about this path

  // Errors of the file's header (stage "header").
  kEmptyFile = 64,
  kForeignFormat = 65,  // its name is "not_wav", from when there was only WAV
  kUnsupportedFormat = 66,
  kBadHeader = 67,
  kBadSampleRate = 68,
  kBadChannels = 69,
  kNoSamples = 70,
  kTruncated = 71,
  kLyingSize = 72,
  kTooShort = 73,
  kTooLong = 74,
  kSeveralFiles = 75,
  kLengthUnknown = 76,   // no count of samples anywhere
  kChained = 77,         // Ogg: another stream follows or is mixed in
  kReferenceCuts = 78,   // MP3: libsndfile and librosa lose its end
  kSegmentOutside = 90,  // the file has no such samples
  kRangeOutside = 91,    // the file has no such bytes

  // Errors of the file's samples (stage "decode").
  kNotFinite = 96,
  kDecodeFailed = 97,
  kChangedSincePlan = 98,
  kIoError = 99,
  kPoison = 100,   // crashes or hangs the program
  kBadPage = 101,  // Ogg: a damaged, lost or foreign page
};

// The name under "code" in rejects.jsonl, like "not_found". Returns "unknown"
// for any other number.
std::string_view RejectCodeName(RejectCode code);

// Returns "manifest", "open", "header" or "decode".
std::string_view RejectStageName(RejectCode code);

}  // namespace melmill

#endif  // MELMILL_IO_REJECT_CODE_H_
