#ifndef MELMILL_IO_MANIFEST_PIECE_FIELDS_H_
#define MELMILL_IO_MANIFEST_PIECE_FIELDS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "io/file/byte_source.h"
#include "io/manifest/segment_request.h"
#include "io/result.h"

namespace melmill {

// Which fields of a line cut a segment out of its file.
enum class SegmentUse : uint8_t {
  kExplicit,  // "start_sample" with "num_samples"; "offset" with "duration"
  kAll,       // also "start" or "offset" with "end" or "duration"
  kNone,      // none: whole files are used
};

// The piece of a file that a line asks for.
struct PieceRequest {
  std::optional<SegmentRequest> segment;
  std::optional<ByteRange> range;
  std::vector<std::string_view> fields;  // names of the fields that say so
};

// The value of one of the fields below.
struct PieceValue {
  bool is_present = false;
  bool is_number = false;
  bool is_whole = false;  // an integer from 0 to 2^63 - 1
  double real = 0;
  int64_t whole = 0;
};

// Collects the fields of one manifest line that cut a piece out of its file:
// numbers of the top level. SegmentFields finds fields that also name a part of
// a file, but that nothing is cut by.
class PieceFields {
 public:
  // Starts the next top-level field. If its value is neither a number nor null,
  // nothing more is said about it.
  void StartField(std::string_view key);
  void AddInteger(int64_t value);
  void AddUnsigned(uint64_t value);
  void AddReal(double value);
  void AddNull();  // as if the field were not there

  // Errors: kBadSegment, kBadRange, with the reason.
  Result<PieceRequest> Finish(SegmentUse use) const;

 private:
  enum Field : size_t {
    kStartSample,
    kNumSamples,
    kOffset,
    kStart,
    kDuration,
    kEnd,
    kAudioOffset,
    kAudioBytes,
    kNumFields,
  };
  static const std::array<std::string_view, kNumFields> kNames;

  const PieceValue& value(Field field) const { return values_[field]; }
  PieceValue* current() { return is_current_ ? &values_[current_] : nullptr; }
  Result<void> CheckForms(SegmentUse use) const;
  Result<std::optional<SegmentRequest>> FindSamples() const;
  Result<std::optional<SegmentRequest>> FindSeconds(
      SegmentUse use, std::vector<std::string_view>* fields) const;

  std::array<PieceValue, kNumFields> values_;
  bool is_current_ = false;
  Field current_ = kNumFields;
};

}  // namespace melmill

#endif  // MELMILL_IO_MANIFEST_PIECE_FIELDS_H_
