#include "io/manifest/piece_fields.h"

#include <gtest/gtest.h>

#include <string>

#include "io/manifest/manifest.h"

namespace melmill {
namespace {

std::string Line(const std::string& fields) {
  return R"({"audio":"a","text":"language English<asr_text>x",)" + fields + "}";
}

// The piece that a line asks for, as text; or the error.
std::string Piece(const std::string& fields,
                  SegmentUse use = SegmentUse::kExplicit) {
  ManifestOptions options;
  options.segments = use;
  const Result<ManifestLine> line = ParseManifestLine(Line(fields), options);
  if (!line.ok()) {
    return std::string(RejectCodeName(line.error().code.reject())) + ": " +
           line.error().message;
  }
  const PieceRequest& piece = line.value().piece;
  std::string text;
  if (piece.segment && !piece.segment->is_in_seconds) {
    text += "samples " + std::to_string(piece.segment->start_sample) + '+' +
            std::to_string(piece.segment->num_samples);
  } else if (piece.segment) {
    text += "seconds " + std::to_string(piece.segment->start_s);
    if (piece.segment->duration_s) {
      text += '+' + std::to_string(*piece.segment->duration_s);
    }
    if (piece.segment->end_s) {
      text += '-' + std::to_string(*piece.segment->end_s);
    }
  }
  if (piece.range) {
    text += " bytes " + std::to_string(piece.range->offset) + '+' +
            std::to_string(piece.range->num_bytes);
  }
  if (line.value().segment.has_start) text += " names a part";
  return text;
}

std::string PieceOfAll(const std::string& fields) {
  return Piece(fields, SegmentUse::kAll);
}

TEST(PieceFieldsTest, SamplesAndOffsetsCutByThemselves) {
  EXPECT_EQ(Piece(R"("id":1)"), "");
  EXPECT_EQ(Piece(R"("start_sample":0,"num_samples":5)"), "samples 0+5");
  EXPECT_EQ(Piece(R"("num_samples":5,"start_sample":7)"), "samples 7+5");
  EXPECT_EQ(Piece(R"("offset":1.5,"duration":2)"), "seconds 1.500000+2.000000");
  EXPECT_EQ(Piece(R"("offset":0,"duration":2.25)"),
            "seconds 0.000000+2.250000");
}

TEST(PieceFieldsTest, InformationCutsNothing) {
  EXPECT_EQ(Piece(R"("num_samples":5)"), "");
  EXPECT_EQ(Piece(R"("duration":5.5)"), "");
  EXPECT_EQ(Piece(R"("duration":5.5,"end":7)"), "");
  EXPECT_EQ(Piece(R"("offset":0)"), "");
  EXPECT_EQ(Piece(R"("start":0,"end":7)"), "");
  EXPECT_EQ(Piece(R"("offset":null,"duration":2)"), "");
  EXPECT_EQ(Piece(R"("start_sample":null,"num_samples":2)"), "");
  EXPECT_EQ(Piece(R"("x":{"start_sample":1,"num_samples":2})"), "");
}

TEST(PieceFieldsTest, OtherFieldsNameAPartThatIsNotCut) {
  EXPECT_EQ(Piece(R"("start":1,"end":7)"), " names a part");
  EXPECT_EQ(Piece(R"("start":1,"duration":7)"), " names a part");
  EXPECT_EQ(Piece(R"("offset":1)"), " names a part");
  EXPECT_EQ(Piece(R"("offset":1,"duration":"2")"), " names a part");
  EXPECT_EQ(PieceOfAll(R"("begin":1,"end":7)"), " names a part");
  EXPECT_EQ(PieceOfAll(R"("segment":[1,2])"), " names a part");
}

TEST(PieceFieldsTest, StartAndEndCutIfAsked) {
  EXPECT_EQ(PieceOfAll(R"("start":1,"end":7)"), "seconds 1.000000-7.000000");
  EXPECT_EQ(PieceOfAll(R"("start":0,"end":7)"), "seconds 0.000000-7.000000");
  EXPECT_EQ(PieceOfAll(R"("start":1,"duration":7)"),
            "seconds 1.000000+7.000000");
  EXPECT_EQ(PieceOfAll(R"("offset":1,"end":7)"), "seconds 1.000000-7.000000");
  EXPECT_EQ(PieceOfAll(R"("start_sample":1,"num_samples":7,"end":3)"),
            "samples 1+7");
  EXPECT_EQ(PieceOfAll(R"("duration":7)"), "");
}

TEST(PieceFieldsTest, WholeFilesIgnoreSegmentsOnly) {
  const auto whole = [](const std::string& fields) {
    return Piece(fields, SegmentUse::kNone);
  };
  EXPECT_EQ(whole(R"("offset":1,"duration":7)"), " names a part");
  EXPECT_EQ(whole(R"("start_sample":0,"num_samples":7)"), " names a part");
  EXPECT_EQ(whole(R"("start_sample":"x","start":5,"end":1)"), " names a part");
  EXPECT_EQ(whole(R"("audio_offset":1,"audio_bytes":7)"), " bytes 1+7");
}

TEST(PieceFieldsTest, TwoFormsInOneLineAreRefused) {
  const std::string sample = R"("start_sample":1,"num_samples":2,)";
  EXPECT_EQ(Piece(sample + R"("offset":1,"duration":2)"),
            "bad_segment: a segment in two forms: \"start_sample\" and "
            "\"offset\"");
  EXPECT_EQ(Piece(sample + R"("start":1,"end":2)"),
            "bad_segment: a segment in two forms: \"start_sample\" and "
            "\"start\"");
  EXPECT_EQ(Piece(R"("offset":1,"duration":2,"start":1)"),
            "bad_segment: a segment in two forms: \"offset\" and \"start\"");
  EXPECT_EQ(PieceOfAll(R"("offset":1,"start":1,"end":2)"),
            "bad_segment: a segment in two forms: \"offset\" and \"start\"");
  EXPECT_EQ(Piece(R"("offset":1,"duration":2,"end":3)"),
            "bad_segment: \"duration\" and \"end\" in one line");
  EXPECT_EQ(PieceOfAll(R"("start":1,"duration":2,"end":3)"),
            "bad_segment: \"duration\" and \"end\" in one line");
}

TEST(PieceFieldsTest, ImpossibleSegmentsAreRefusedWithTheReason) {
  EXPECT_EQ(Piece(R"("start_sample":1)"),
            "bad_segment: \"start_sample\" without \"num_samples\"");
  for (const char* value : {"-1", "1.0", "1.5", "\"1\"", "true", "[1]", "{}",
                            "9223372036854775808", "1e3"}) {
    EXPECT_EQ(
        Piece(std::string("\"start_sample\":") + value + ",\"num_samples\":2"),
        "bad_segment: \"start_sample\" is not a whole number from 0 on")
        << value;
  }
  for (const char* value : {"0", "-1", "2.5", "\"2\"", "false", "[]"}) {
    EXPECT_EQ(Piece(std::string("\"start_sample\":1,\"num_samples\":") + value),
              "bad_segment: \"num_samples\" is not a whole number from 1 on")
        << value;
  }
  EXPECT_EQ(Piece(R"("start_sample":1,"num_samples":null)"),
            "bad_segment: \"start_sample\" without \"num_samples\"");
  EXPECT_EQ(Piece(R"("offset":-0.5,"duration":2)"),
            "bad_segment: \"offset\" is negative");
  EXPECT_EQ(Piece(R"("offset":0.5,"duration":-2)"),
            "bad_segment: \"duration\" is negative");
  EXPECT_EQ(PieceOfAll(R"("start":"1.5","end":2)"),
            "bad_segment: \"start\" is not a number");
  EXPECT_EQ(PieceOfAll(R"("start":1.5)"),
            "bad_segment: \"start\" without \"end\" or \"duration\" as a "
            "number");
  EXPECT_EQ(PieceOfAll(R"("start":1.5,"end":-1)"),
            "bad_segment: \"end\" is negative");
  EXPECT_EQ(PieceOfAll(R"("start":1.5,"end":1.5)"),
            "bad_segment: \"end\" is not after the start");
  EXPECT_EQ(PieceOfAll(R"("start":-1,"end":1.5)"),
            "bad_segment: \"start\" is negative");
}

TEST(PieceFieldsTest, NanIsNoJson) {
  EXPECT_TRUE(Piece(R"("offset":NaN,"duration":2)").starts_with("bad_json"));
}

TEST(PieceFieldsTest, BytesAreWholeNumbers) {
  EXPECT_EQ(Piece(R"("audio_offset":0,"audio_bytes":1)"), " bytes 0+1");
  EXPECT_EQ(Piece(R"("audio_offset":5,"audio_bytes":9223372036854775807)"),
            " bytes 5+9223372036854775807");
  EXPECT_EQ(Piece(R"("audio_offset":5,"audio_bytes":60,"start_sample":1,)"
                  R"("num_samples":2)"),
            "samples 1+2 bytes 5+60");
  EXPECT_EQ(Piece(R"("audio_offset":null,"audio_bytes":null)"), "");
  EXPECT_EQ(Piece(R"("audio_offset":0)"),
            "bad_range: \"audio_offset\" without \"audio_bytes\"");
  EXPECT_EQ(Piece(R"("audio_bytes":5)"),
            "bad_range: \"audio_bytes\" without \"audio_offset\"");
  for (const char* value : {"-1", "1.5", "\"1\"", "[]"}) {
    EXPECT_EQ(
        Piece(std::string("\"audio_offset\":") + value + ",\"audio_bytes\":2"),
        "bad_range: \"audio_offset\" is not a whole number from 0 on");
  }
  for (const char* value : {"0", "-1", "1.5", "\"1\"", "[]"}) {
    EXPECT_EQ(Piece(std::string("\"audio_offset\":1,\"audio_bytes\":") + value),
              "bad_range: \"audio_bytes\" is not a whole number from 1 on");
  }
}

TEST(PieceFieldsTest, FieldsThatCutAreNotCountedAsDropped) {
  ManifestOptions options;
  options.kept_fields = {"duration"};
  const Result<ManifestLine> line = ParseManifestLine(
      Line(R"("id":7,"offset":1,"duration":2,"audio_offset":0,)"
           R"("audio_bytes":9,"lang":"x")"),
      options);
  ASSERT_TRUE(line.ok());
  EXPECT_EQ(line.value().num_dropped_fields, 2);
  EXPECT_EQ(line.value().dropped_fields,
            (std::vector<std::string>{"id", "lang"}));
  EXPECT_EQ(line.value().kept, (std::vector<std::string>{"2"}));
}

}  // namespace
}  // namespace melmill
