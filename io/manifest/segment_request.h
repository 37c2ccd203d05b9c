#ifndef MELMILL_IO_MANIFEST_SEGMENT_REQUEST_H_
#define MELMILL_IO_MANIFEST_SEGMENT_REQUEST_H_

#include <cstdint>
#include <optional>

#include "io/result.h"

namespace melmill {

// A segment of an audio file as a manifest line asks for it: in samples of the
// file's own rate, or in seconds.
struct SegmentRequest {
  bool is_in_seconds = false;
  // In samples.
  int64_t start_sample = 0;
  int64_t num_samples = 0;
  // In seconds: the start, and either the length or the end.
  double start_s = 0;
  std::optional<double> duration_s;
  std::optional<double> end_s;

  friend bool operator==(const SegmentRequest&,
                         const SegmentRequest&) = default;
};

// A segment in samples of the file, per channel.
struct Segment {
  int64_t start = 0;
  int64_t num_samples = 0;
  bool is_clipped = false;  // it was asked for beyond the end of the file

  friend bool operator==(const Segment&, const Segment&) = default;
};

// A segment in seconds may end this much after its file: it is cut there.
inline constexpr double kMaxClippedSeconds = 0.5;

// Finds the segment in a file of that many samples per channel. A time is
// trunc(seconds * rate) in IEEE double precision, as in librosa.load and NeMo:
// a duration gives the number of samples, an end gives trunc(end * rate) minus
// the start. Errors: kBadSegment for a segment without samples,
// kSegmentOutside for one that the file does not have. Thread-safe.
Result<Segment> FindSegment(const SegmentRequest& request,
                            int64_t file_num_samples, int sample_rate_hz);

}  // namespace melmill

#endif  // MELMILL_IO_MANIFEST_SEGMENT_REQUEST_H_
