#ifndef MELMILL_IO_MANIFEST_SEGMENT_FIELDS_H_
#define MELMILL_IO_MANIFEST_SEGMENT_FIELDS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace melmill {

// The part of an audio file that a manifest line names without cutting it out
// (PieceFields).
struct NamedSegment {
  bool has_start = false;  // it starts after the file's beginning
  // The "offset" is 0. If the file's duration is not duration_s, the line names
  // a part of it.
  bool has_zero_offset = false;
  std::optional<double> duration_s;  // the "duration"
  // The fields that say so, as JSON for a message; shortened. Empty without
  // has_start, and without has_zero_offset and duration_s.
  std::string fields;
};

// The seconds of "1.5", "1.5s", "01:02.5" or "00:01:02,5"; nothing for any
// other text.
std::optional<double> ParseSeconds(std::string_view text);

// Finds the fields of one manifest line that name a part of its file. Numbers
// other than 0 count, also as text or as a time, in the fields "offset",
// "start", "begin" and "start_time", and within an object or array "segment";
// and any number in "start_sample". A "channel" is told apart.
class SegmentFields {
 public:
  // Starts the next top-level field. Returns whether it is of interest here;
  // then `json` must point to the compact text of its value when Finish is
  // called.
  bool StartField(std::string_view key);
  void SetJson(const std::string* json) { said_.back().json = json; }

  // Adds a number or a text of the current field's value. `is_nested` says that
  // it is a part of an object or array.
  void AddNumber(double value, bool is_nested);
  void AddText(std::string_view text, bool is_nested);

  NamedSegment Finish() const;
  // Whether the line names a channel of its file, as a number.
  bool has_channel() const { return has_channel_; }

 private:
  enum class Kind {
    kOther,
    kStart,
    kStartSample,
    kOffset,
    kSegment,
    kDuration,
    kEnd,
    kChannel,
  };
  struct Said {
    std::string key;
    const std::string* json = nullptr;
  };
  static Kind KindOf(std::string_view key);

  Kind kind_ = Kind::kOther;  // of the current field
  bool has_start_ = false;
  bool has_zero_offset_ = false;
  bool has_channel_ = false;
  std::optional<double> duration_s_;
  std::vector<Said> said_;
};

}  // namespace melmill

#endif  // MELMILL_IO_MANIFEST_SEGMENT_FIELDS_H_
