#include "io/manifest/segment_request.h"

#include <fmt/format.h>

#include <cmath>
#include <string>

namespace melmill {
namespace {

// More samples than any file has; converts to an integer without overflow.
constexpr double kTooManySamples = 1e18;

// As int(seconds * rate) in Python. A product beyond kTooManySamples is that.
int64_t SampleAt(double seconds, int sample_rate_hz) {
  const double sample = seconds * static_cast<double>(sample_rate_hz);
  return static_cast<int64_t>(std::fmin(sample, kTooManySamples));
}

Error Outside(const char* what, int64_t sample, int64_t file_num_samples,
              int sample_rate_hz) {
  const auto seconds = [sample_rate_hz](int64_t num_samples) {
    return static_cast<double>(num_samples) / sample_rate_hz;
  };
  return {RejectCode::kSegmentOutside,
          fmt::format("the segment {} at {:.6g} s (sample {}); the file has "
                      "{:.6g} s ({} samples at {} Hz)",
                      what, seconds(sample), sample, seconds(file_num_samples),
                      file_num_samples, sample_rate_hz)};
}

}  // namespace

Result<Segment> FindSegment(const SegmentRequest& request,
                            int64_t file_num_samples, int sample_rate_hz) {
  Segment segment{.start = request.start_sample,
                  .num_samples = request.num_samples};
  if (request.is_in_seconds) {
    segment.start = SampleAt(request.start_s, sample_rate_hz);
    segment.num_samples =
        request.end_s ? SampleAt(*request.end_s, sample_rate_hz) - segment.start
                      : SampleAt(*request.duration_s, sample_rate_hz);
  }
  if (segment.num_samples < 1) {
    return Error{
        RejectCode::kBadSegment,
        fmt::format("the segment has no samples at {} Hz", sample_rate_hz)};
  }
  if (segment.start >= file_num_samples) {
    return Outside("starts", segment.start, file_num_samples, sample_rate_hz);
  }
  const int64_t left = file_num_samples - segment.start;
  if (segment.num_samples <= left) return segment;
  const int64_t excess = segment.num_samples - left;
  if (!request.is_in_seconds ||
      static_cast<double>(excess) > kMaxClippedSeconds * sample_rate_hz) {
    // The sum cannot wrap: the number of samples may be 2^63 - 1.
    const int64_t end = excess > INT64_MAX - file_num_samples
                            ? INT64_MAX
                            : file_num_samples + excess;
    return Outside("ends", end, file_num_samples, sample_rate_hz);
  }
  segment.num_samples = left;
  segment.is_clipped = true;
  return segment;
}

}  // namespace melmill
