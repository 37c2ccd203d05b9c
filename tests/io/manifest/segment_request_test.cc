#include "io/manifest/segment_request.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace melmill {
namespace {

SegmentRequest Samples(int64_t start, int64_t count) {
  return {.start_sample = start, .num_samples = count};
}

SegmentRequest Lasting(double start_s, double duration_s) {
  return {.is_in_seconds = true, .start_s = start_s, .duration_s = duration_s};
}

SegmentRequest Until(double start_s, double end_s) {
  return {.is_in_seconds = true, .start_s = start_s, .end_s = end_s};
}

// The segment in a file of 10 s, as "start+samples" and "!" if it is clipped;
// or the code and the message of the error.
std::string Find(const SegmentRequest& request, int rate_hz = 16000,
                 int64_t num_samples = 0) {
  const Result<Segment> found = FindSegment(
      request, num_samples > 0 ? num_samples : 10 * rate_hz, rate_hz);
  if (!found.ok()) {
    return std::string(RejectCodeName(found.error().code.reject())) + ": " +
           found.error().message;
  }
  return std::to_string(found.value().start) + '+' +
         std::to_string(found.value().num_samples) +
         (found.value().is_clipped ? "!" : "");
}

TEST(FindSegmentTest, SamplesAreTakenAsTheyAre) {
  EXPECT_EQ(Find(Samples(0, 1)), "0+1");
  EXPECT_EQ(Find(Samples(159'999, 1)), "159999+1");
  EXPECT_EQ(Find(Samples(0, 160'000)), "0+160000");
}

TEST(FindSegmentTest, SecondsAreTruncatedProductsOfDoubles) {
  EXPECT_EQ(Find(Lasting(1.5, 2)), "24000+32000");
  // 0.29 * 100 is 28.999999999999996, and 1.1 * 16000 is 17600.000000000004.
  EXPECT_EQ(Find(Lasting(0.29, 1.1), 100 * 100), "2900+11000");
  EXPECT_EQ(Find(Lasting(4.35, 2.01), 1000), "4350+2009");
  EXPECT_EQ(Find(Lasting(1.005, 0.5), 1000), "1004+500");
  EXPECT_EQ(Find(Lasting(1.115, 1.001), 44100), "49171+44144");
}

TEST(FindSegmentTest, AnEndIsTruncatedBeforeTheStartIsSubtracted) {
  EXPECT_EQ(Find(Until(1.5, 3.5)), "24000+32000");
  // The duration of 1.9999 samples is one sample, but two samples end.
  EXPECT_EQ(Find(Until(0.0006, 0.0019), 1000), "0+1");
  EXPECT_EQ(Find(Until(0.0009, 0.0020), 1000), "0+2");
  EXPECT_EQ(Find(Lasting(0.0009, 0.0011), 1000), "0+1");
}

TEST(FindSegmentTest, SecondsUpToHalfASecondAfterTheEndAreClipped) {
  EXPECT_EQ(Find(Lasting(9, 1)), "144000+16000");
  EXPECT_EQ(Find(Lasting(9, 1.5)), "144000+16000!");
  EXPECT_EQ(Find(Until(9, 10.5)), "144000+16000!");
  EXPECT_EQ(Find(Until(9, 10.5), 11025), "99225+11025!");
  EXPECT_EQ(Find(Until(9, 10.5001)),
            "segment_outside: the segment ends at 10.5001 s (sample 168001); "
            "the file has 10 s (160000 samples at 16000 Hz)");
}

TEST(FindSegmentTest, SamplesAreNeverClipped) {
  EXPECT_EQ(Find(Samples(159'999, 2)),
            "segment_outside: the segment ends at 10.0001 s (sample 160001); "
            "the file has 10 s (160000 samples at 16000 Hz)");
}

TEST(FindSegmentTest, AStartAtTheEndIsOutside) {
  EXPECT_TRUE(Find(Samples(160'000, 1)).starts_with("segment_outside"));
  EXPECT_EQ(Find(Lasting(10, 0.1)),
            "segment_outside: the segment starts at 10 s (sample 160000); the "
            "file has 10 s (160000 samples at 16000 Hz)");
  EXPECT_TRUE(Find(Until(12, 13)).starts_with("segment_outside"));
}

TEST(FindSegmentTest, LessThanASampleIsNoSegment) {
  EXPECT_EQ(Find(Lasting(1, 0.00006)),
            "bad_segment: the segment has no samples at 16000 Hz");
  EXPECT_TRUE(Find(Lasting(1, 0)).starts_with("bad_segment"));
  EXPECT_TRUE(Find(Until(1.00001, 1.00002)).starts_with("bad_segment"));
}

TEST(FindSegmentTest, HugeNumbersDoNotWrap) {
  EXPECT_TRUE(Find(Samples(INT64_MAX, INT64_MAX)).starts_with("segment_out"));
  EXPECT_TRUE(Find(Samples(1, INT64_MAX)).starts_with("segment_outside"));
  EXPECT_TRUE(Find(Lasting(1e300, 1)).starts_with("segment_outside"));
  EXPECT_TRUE(Find(Lasting(1, 1e300)).starts_with("segment_outside"));
  EXPECT_TRUE(Find(Until(1, 1e300)).starts_with("segment_outside"));
}

}  // namespace
}  // namespace melmill
