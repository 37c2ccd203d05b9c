#include "pipeline/lines/packed_line.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace melmill {
namespace {

PlannedLine MakeLine() {
  PlannedLine planned;
  PlanRow& row = planned.row;
  row.code = RejectCode::kTooLong;
  row.message = "lasts too long";
  row.line_hash = 0xFEDCBA9876543210;
  row.audio = "a.wav";
  row.audio_path = "/copies/a.wav";
  row.text = std::string("a\0b", 3);
  row.prompt = "prompt";
  row.kept = {"one", "", "three"};
  Source& source = row.source;
  source.file_bytes = 1'000'000;
  source.segment_start = 5;
  source.segment_num_samples = 127;
  source.range = {128, 1 << 20};
  source.num_samples = 16383;
  source.num_frames = 16384;
  source.header = {.encoding = SampleEncoding::kOpus,
                   .big_endian = true,
                   .sample_rate_hz = 48000,
                   .num_channels = 2,
                   .data_offset = 44,
                   .data_bytes = UINT64_MAX,
                   .num_samples = INT64_MAX};
  planned.reject_cause = "cause";
  planned.identity = 1;
  planned.source_identity = 2;
  planned.is_clipped = true;
  planned.language = "English";
  planned.num_dropped_fields = 9;
  planned.dropped_fields = {"x", "y"};
  planned.lacks_template = true;
  planned.repeats_template = true;
  planned.needs_no_template = true;
  planned.has_segment_fields = true;
  planned.segment = "segment";
  planned.other_duration = "duration";
  planned.mixes_channels = true;
  planned.oddity = SoundOddity::kNoFrameCount;
  return planned;
}

TEST(PackedLineTest, HoldsAllOfALine) {
  const PlannedLine planned = MakeLine();
  PlannedLine unpacked;
  ASSERT_TRUE(UnpackLine(PackLine(planned), &unpacked));
  EXPECT_EQ(unpacked.row, planned.row);
  EXPECT_EQ(unpacked.reject_cause, planned.reject_cause);
  EXPECT_EQ(unpacked.identity, planned.identity);
  EXPECT_EQ(unpacked.source_identity, planned.source_identity);
  EXPECT_EQ(unpacked.is_clipped, planned.is_clipped);
  EXPECT_EQ(unpacked.language, planned.language);
  EXPECT_EQ(unpacked.num_dropped_fields, planned.num_dropped_fields);
  EXPECT_EQ(unpacked.dropped_fields, planned.dropped_fields);
  EXPECT_EQ(unpacked.lacks_template, planned.lacks_template);
  EXPECT_EQ(unpacked.repeats_template, planned.repeats_template);
  EXPECT_EQ(unpacked.needs_no_template, planned.needs_no_template);
  EXPECT_EQ(unpacked.has_segment_fields, planned.has_segment_fields);
  EXPECT_EQ(unpacked.segment, planned.segment);
  EXPECT_EQ(unpacked.other_duration, planned.other_duration);
  EXPECT_EQ(unpacked.mixes_channels, planned.mixes_channels);
  EXPECT_EQ(unpacked.oddity, planned.oddity);
}

TEST(PackedLineTest, HoldsAnEmptyLine) {
  PlannedLine unpacked;
  ASSERT_TRUE(UnpackLine(PackLine({}), &unpacked));
  EXPECT_EQ(unpacked.row, PlanRow());
}

TEST(PackedLineTest, RefusesBytesThatEndEarlyOrLate) {
  const std::string packed = PackLine(MakeLine());
  PlannedLine unpacked;
  for (size_t i = 0; i < packed.size(); ++i) {
    EXPECT_FALSE(UnpackLine(std::string_view(packed).substr(0, i), &unpacked))
        << i;
  }
  EXPECT_FALSE(UnpackLine(packed + '\0', &unpacked));
}

TEST(PackedLineTest, DamageIsNoMoreThanOtherValues) {
  const std::string packed = PackLine(MakeLine());
  for (size_t i = 0; i < packed.size(); ++i) {
    for (const char bits : {'\x01', '\x40', '\x80', '\xFF'}) {
      std::string damaged = packed;
      damaged[i] = static_cast<char>(damaged[i] ^ bits);
      PlannedLine unpacked;
      (void)UnpackLine(damaged, &unpacked);  // under AddressSanitizer
    }
  }
}

}  // namespace
}  // namespace melmill
