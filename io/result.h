#ifndef MELMILL_IO_RESULT_H_
#define MELMILL_IO_RESULT_H_

#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace melmill {

// Why a manifest line has no stored row, or how the machine failed. The numbers
// are stored in plans and shards: never change or reuse one.
enum class ErrorCode : uint8_t {
  kNone = 0,

  // The line (stage "manifest").
  kLineTooLong = 1,
  kRawNul = 2,
  kInvalidUtf8 = 3,
  kBadJson = 4,
  kNotAnObject = 5,
  kTooDeep = 6,
  kDuplicateKey = 7,
  kNumberOutOfRange = 8,
  kMissingAudio = 9,
  kBadAudio = 10,  // not a string, empty, or with a NUL in it
  kMissingText = 11,
  kBadText = 12,       // not a string
  kBadPrompt = 13,     // neither a string nor null
  kTextTemplate = 14,  // only with --strict-text

  // The file (stage "open").
  kNotFound = 32,
  kNoPermission = 33,
  kIsDirectory = 34,
  kNotRegularFile = 35,
  kSymlinkLoop = 36,
  kOpenFailed = 37,  // any other errno that is about this path

  // Its header (stage "header").
  kEmptyFile = 64,
  kNotWav = 65,
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

  // Its samples (stage "decode").
  kNotFinite = 96,
  kDecodeFailed = 97,
  kChangedSincePlan = 98,
  kIoError = 99,
  kPoison = 100,  // crashes or hangs the program

  // Not about a record: the run was asked to stop, and the row with it. Never
  // a ledger line.
  kStopped = 254,

  // Not about a record: disk full, I/O error of the store, out of file
  // descriptors. Ends the run, never a ledger line.
  kMachineFault = 255,
};

// "not_found": what the ledger's "code" says.
std::string_view ErrorCodeName(ErrorCode code);

// "manifest", "open", "header", "decode" or "machine".
std::string_view ErrorStageName(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kNone;
  // One line for a person, without file name and line number (the reporter
  // adds them), no trailing full stop.
  std::string message;
  // The number that the message contains (an errno, a sample index), so that a
  // shard can store it and the message can be rebuilt; otherwise 0.
  int64_t detail = 0;
};

// Error{kMachineFault, "<what>: <strerror(error_number)>", error_number}.
Error MachineFault(std::string_view what, int error_number);

// A value or an Error.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT
  Result(Error error) : state_(std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  const T& value() const& {
    assert(ok());
    return std::get<0>(state_);
  }
  T& value() & {
    assert(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    assert(ok());
    return std::get<0>(std::move(state_));
  }
  const Error& error() const {
    assert(!ok());
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT

  bool ok() const { return error_.code == ErrorCode::kNone; }
  const Error& error() const {
    assert(!ok());
    return error_;
  }

 private:
  Error error_;
};

}  // namespace melmill

#endif  // MELMILL_IO_RESULT_H_
