#include "io/manifest/segment_fields.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace melmill {
namespace {

bool StartsWith(const std::string& key, double number) {
  SegmentFields fields;
  const std::string json = std::to_string(number);
  if (!fields.StartField(key)) return false;
  fields.SetJson(&json);
  fields.AddNumber(number, /*is_nested=*/false);
  return fields.Finish().has_start;
}

bool TextStarts(const std::string& text) {
  SegmentFields fields;
  const std::string json = "\"" + text + "\"";
  EXPECT_TRUE(fields.StartField("start"));
  fields.SetJson(&json);
  fields.AddText(text, /*is_nested=*/false);
  return fields.Finish().has_start;
}

TEST(ParseSecondsTest, ReadsNumbersAndTimes) {
  EXPECT_EQ(ParseSeconds("1.5"), 1.5);
  EXPECT_EQ(ParseSeconds("nan"), std::nullopt);
  EXPECT_EQ(ParseSeconds("inf"), std::nullopt);
  EXPECT_EQ(ParseSeconds("1,5"), 1.5);
  EXPECT_EQ(ParseSeconds("2s"), 2.0);
  EXPECT_EQ(ParseSeconds("+1e1"), 10.0);
  EXPECT_EQ(ParseSeconds("-1"), -1.0);
  EXPECT_EQ(ParseSeconds("00:01:02.5"), 62.5);
  EXPECT_EQ(ParseSeconds("01:00:00,250"), 3600.25);
  EXPECT_EQ(ParseSeconds("02:03"), 123.0);
}

TEST(ParseSecondsTest, LeavesOtherTexts) {
  for (const char* text : {"", "s", "utt-12", "1.5 x", "1:", ":1", "1:2:x",
                           "1.5:2", "1:-2", "12a", "0x10", "--1"}) {
    EXPECT_EQ(ParseSeconds(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseSeconds(std::string(100, '1')), std::nullopt);
}

TEST(SegmentFieldsTest, EveryFieldOfAStartCounts) {
  for (const char* key : {"offset", "start", "begin", "start_time"}) {
    EXPECT_TRUE(StartsWith(key, 1)) << key;
    EXPECT_TRUE(StartsWith(key, -0.5)) << key;
    EXPECT_FALSE(StartsWith(key, 0)) << key;
  }
  for (const char* key : {"end", "end_time", "duration", "id", "Offset"}) {
    EXPECT_FALSE(StartsWith(key, 1)) << key;
  }
}

TEST(SegmentFieldsTest, TextsCountIfTheyAreTimesOtherThanZero) {
  for (const char* text : {"1.5", "00:00:01", "00:01:02.5", "0.25s"}) {
    EXPECT_TRUE(TextStarts(text)) << text;
  }
  for (const char* text : {"", "0", "0.0", "00:00", "00:00:00.000", "utt 12"}) {
    EXPECT_FALSE(TextStarts(text)) << text;
  }
}

TEST(SegmentFieldsTest, ASegmentCountsAsObjectOrPairOnly) {
  EXPECT_FALSE(StartsWith("segment", 3));  // a number of a segment
  SegmentFields fields;
  const std::string json = "[0,2.5]";
  EXPECT_TRUE(fields.StartField("segment"));
  fields.SetJson(&json);
  fields.AddNumber(0, /*is_nested=*/true);
  EXPECT_FALSE(fields.Finish().has_start);
  fields.AddNumber(2.5, /*is_nested=*/true);
  EXPECT_TRUE(fields.Finish().has_start);
  EXPECT_EQ(fields.Finish().fields, "\"segment\": [0,2.5]");
}

TEST(SegmentFieldsTest, ADurationCountsWithAnOffsetOfZero) {
  const std::string zero = "0";
  const std::string two = "2";
  SegmentFields fields;
  EXPECT_TRUE(fields.StartField("duration"));
  fields.SetJson(&two);
  fields.AddNumber(2, /*is_nested=*/false);
  EXPECT_EQ(fields.Finish().duration_s, 2.0);
  EXPECT_FALSE(fields.Finish().has_zero_offset);
  EXPECT_EQ(fields.Finish().fields, "");
  EXPECT_TRUE(fields.StartField("offset"));
  fields.SetJson(&zero);
  fields.AddNumber(0, /*is_nested=*/false);
  EXPECT_TRUE(fields.Finish().has_zero_offset);
  EXPECT_EQ(fields.Finish().fields, "\"duration\": 2, \"offset\": 0");
  EXPECT_FALSE(fields.Finish().has_start);
}

}  // namespace
}  // namespace melmill
