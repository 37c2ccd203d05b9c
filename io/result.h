#ifndef MELMILL_IO_RESULT_H_
#define MELMILL_IO_RESULT_H_

#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "io/reject_code.h"

namespace melmill {

// What went wrong. A reject concerns one row, which is then rejected; the
// general errors concern more.
class ErrorCode {
 public:
  enum General : uint8_t {
    kNone = 0,
    kOtherFormat = 252,   // a store of a version that is not supported
    kDamaged = 253,       // a file of a store has other content than it should
    kStopped = 254,       // the run, and the row with it, was asked to stop
    kMachineFault = 255,  // disk full, no memory, ...: ends the run
  };

  constexpr ErrorCode() = default;
  constexpr ErrorCode(General code) : number_(code) {}  // NOLINT
  constexpr ErrorCode(RejectCode code)                  // NOLINT
      : number_(static_cast<uint8_t>(code)) {}

  constexpr bool is_reject() const {
    return number_ != kNone && number_ < kOtherFormat;
  }
  constexpr RejectCode reject() const {
    assert(is_reject());
    return static_cast<RejectCode>(number_);
  }

  friend constexpr bool operator==(ErrorCode, ErrorCode) = default;

 private:
  uint8_t number_ = kNone;
};

struct Error {
  ErrorCode code;
  // One line for people, without a full stop. The reporter adds file name and
  // line number.
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
