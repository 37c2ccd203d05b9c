#include "pipeline/plan/plan_builder.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pipeline/plan/tally.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "store/plan/plan_row.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

class PlanBuilderTest : public testing::Test {
 protected:
  BuiltPlan Build(const RunConfig& config) {
    RunControl control;
    Result<BuiltPlan> built = BuildPlan(config, corpus_.Path(""), &control);
    EXPECT_TRUE(built.ok()) << built.error().message;
    return std::move(built).value();
  }

  RunConfig OneSplit() const {
    RunConfig config;
    config.input.splits = {{"train", corpus_.Path("train.jsonl")}};
    return config;
  }

  std::vector<PlanRow> Rows(const Plan& plan) {
    std::vector<PlanRow> rows;
    EXPECT_TRUE(ForEachPlanRow(*plan.rows, 0, plan.rows->num_rows(),
                               [&](uint64_t, const PlanRow& row) {
                                 rows.push_back(row);
                                 return Result<void>();
                               })
                    .ok());
    return rows;
  }

  Corpus corpus_;
};

TEST_F(PlanBuilderTest, LanguagesBeyondAThousandAreCountedTogether) {
  corpus_.AddWav("a.wav", 16000, 1);
  std::vector<std::string> lines;
  for (int i = 0; i < 1003; ++i) {
    const std::string name = {'L', static_cast<char>('a' + i / 100),
                              static_cast<char>('a' + i / 10 % 10),
                              static_cast<char>('a' + i % 10)};
    lines.push_back("{\"audio\": \"" + corpus_.Path("a.wav") +
                    "\", \"text\": \"language " + name + "<asr_text>hello\"}");
  }
  corpus_.WriteManifest("train.jsonl", lines);
  const BuiltPlan built = Build(OneSplit());
  EXPECT_EQ(built.report.splits[0].languages.size(), 1001u);
  EXPECT_EQ(built.report.splits[0].languages.at("(others)").num_rows, 3u);
}

TEST_F(PlanBuilderTest, EveryLineIsARowWithItsFate) {
  WavSpec stereo;
  stereo.sample_rate_hz = 44100;
  stereo.num_channels = 2;
  stereo.encoding = SampleEncoding::kPcm24;
  corpus_.WriteManifest(
      "train.jsonl",
      {corpus_.AddWav("a.wav", 16000, 1), "", corpus_.Line("missing.wav"),
       "   ", "{broken", corpus_.AddWav("b.wav", 44100, 2, stereo)});
  const BuiltPlan built = Build(OneSplit());
  const std::vector<PlanRow> rows = Rows(built.plan);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].line, 1u);
  EXPECT_TRUE(rows[0].is_planned());
  EXPECT_EQ(rows[0].text, "language English<asr_text>hello");
  EXPECT_EQ(rows[0].source.num_samples, 16000);
  EXPECT_EQ(rows[0].source.num_frames, 100);
  EXPECT_EQ(rows[1].line, 3u);
  EXPECT_EQ(rows[1].code, RejectCode::kNotFound);
  EXPECT_EQ(rows[1].audio, corpus_.Path("missing.wav"));
  EXPECT_EQ(rows[2].line, 5u);
  EXPECT_EQ(rows[2].code, RejectCode::kBadJson);
  EXPECT_EQ(rows[3].source.header.encoding, SampleEncoding::kPcm24);
  EXPECT_EQ(rows[3].source.header.num_channels, 2);
  EXPECT_EQ(rows[3].source.header.num_samples, 44100);
  EXPECT_EQ(rows[3].source.num_samples, 16000);

  const SplitReport& split = built.report.splits[0];
  EXPECT_EQ(split.num_lines, 4u);
  EXPECT_EQ(split.num_blank_lines, 2u);
  EXPECT_EQ(split.num_rejected, 2u);
  EXPECT_EQ(split.num_samples, 32000u);
  EXPECT_EQ(split.languages.at("English").num_rows, 2u);
  EXPECT_EQ(split.rows_by_rate.at(44100), 1u);
  EXPECT_EQ(built.report.rejects.at(RejectCode::kNotFound).examples[0].line,
            3u);
}

TEST_F(PlanBuilderTest, OrderIsTheManifestsForManyLines) {
  std::vector<std::string> lines;
  for (int i = 0; i < 3000; ++i) {
    lines.push_back(
        i % 7 == 0 ? "{}" : corpus_.Line("a" + std::to_string(i % 5) + ".wav"));
  }
  for (uint32_t i = 0; i < 5; ++i) {
    corpus_.AddWav("a" + std::to_string(i) + ".wav", 1000 + i, i);
  }
  corpus_.WriteManifest("train.jsonl", lines);
  const BuiltPlan built = Build(OneSplit());
  const std::vector<PlanRow> rows = Rows(built.plan);
  ASSERT_EQ(rows.size(), 3000u);
  for (size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].line, i + 1);
    ASSERT_EQ(rows[i].is_planned(), i % 7 != 0);
    if (rows[i].is_planned()) {
      ASSERT_EQ(rows[i].source.num_samples, static_cast<int64_t>(1000 + i % 5));
    }
  }
}

// The line of a.wav with more fields.
std::string WithFields(const Corpus& corpus, const std::string& name,
                       const std::string& fields) {
  std::string line = corpus.Line(name);
  line.insert(line.size() - 1, ", " + fields);
  return line;
}

TEST_F(PlanBuilderTest, PiecesAreRowsOfTheirOwn) {
  corpus_.AddWav("a.wav", 16000, 1);
  const auto line = [&](const std::string& fields) {
    return WithFields(corpus_, "a.wav", fields);
  };
  corpus_.WriteManifest(
      "train.jsonl",
      {line("\"start_sample\": 0, \"num_samples\": 8000"),
       line("\"start_sample\": 8000, \"num_samples\": 8000"),
       line("\"offset\": 0.5, \"duration\": 0.5"),  // line 2 again
       line("\"offset\": 0.25, \"duration\": 1"),   // clipped
       line("\"offset\": 0, \"duration\": 1"),      // the whole file
       corpus_.Line("a.wav"),
       line("\"start_sample\": 15900, \"num_samples\": 101"),
       line("\"start_sample\": 15900, \"num_samples\": 100"),
       line("\"audio_offset\": 0, \"audio_bytes\": 32044"),
       line("\"audio_offset\": 2, \"audio_bytes\": 32042"),
       line("\"audio_offset\": 1, \"audio_bytes\": 32044")});
  corpus_.WriteManifest("eval.jsonl",
                        {line("\"start_sample\": 4000, \"num_samples\": 8000"),
                         line("\"start_sample\": 0, \"num_samples\": 8000")});
  RunConfig config = corpus_.Config("");
  const BuiltPlan built = Build(config);
  const std::vector<PlanRow> rows = Rows(built.plan);
  EXPECT_EQ(rows[0].source.segment_start, 0);
  EXPECT_EQ(rows[0].source.segment_num_samples, 8000);
  EXPECT_EQ(rows[0].source.num_samples, 8000);
  EXPECT_EQ(rows[0].source.num_frames, 50);
  EXPECT_EQ(rows[0].source.header.num_samples, 16000);
  EXPECT_EQ(rows[1].source, rows[2].source);
  EXPECT_EQ(rows[3].source.segment_start, 4000);
  EXPECT_EQ(rows[3].source.segment_num_samples, 12000);
  EXPECT_EQ(rows[4].source, rows[5].source);
  EXPECT_FALSE(rows[4].source.is_piece());
  EXPECT_EQ(rows[6].code, RejectCode::kSegmentOutside);
  EXPECT_EQ(rows[7].code, RejectCode::kTooShort);
  EXPECT_EQ(rows[8].source.range, (ByteRange{0, 32044}));
  EXPECT_EQ(rows[8].source.file_bytes, 32044u);
  EXPECT_EQ(rows[9].code, RejectCode::kForeignFormat);
  EXPECT_EQ(rows[10].code, RejectCode::kRangeOutside);
  EXPECT_TRUE(built.plan.has_pieces);
  EXPECT_EQ(built.plan.segments, SegmentUse::kExplicit);
  EXPECT_EQ(built.report.num_pieces, 7u);
  EXPECT_EQ(built.report.num_files_of_pieces, 1u);
  const auto& warnings = built.report.warnings;
  EXPECT_EQ(warnings.at(Warning::kClippedSegment).count, 1u);
  EXPECT_EQ(warnings.at(Warning::kClippedSegment).examples[0].line, 4u);
  EXPECT_EQ(warnings.at(Warning::kRepeatedAudio).count, 2u);
  EXPECT_EQ(warnings.at(Warning::kRepeatedAudio).examples[0].line, 3u);
  EXPECT_EQ(warnings.at(Warning::kRepeatedAudio).examples[1].line, 6u);
  EXPECT_EQ(warnings.at(Warning::kLeak).count, 2u);
  EXPECT_EQ(warnings.at(Warning::kLeak).examples[0].line, 2u);
  EXPECT_EQ(warnings.at(Warning::kLeak).examples[1].line, 1u);  // an overlap
}

TEST_F(PlanBuilderTest, CopiesInOtherFoldersGiveTheSameShards) {
  corpus_.AddWav("a.wav", 16000, 1);
  corpus_.AddWav("b.wav", 16000, 1);
  const auto build = [this](const std::string& name) {
    const std::string line = R"({"audio":"s3://b/x.wav","text":"x",)"
                             R"("audio_path":")" +
                             corpus_.Path(name) + "\"}";
    corpus_.WriteManifest("train.jsonl", {line, corpus_.Line("a.wav")});
    return Build(OneSplit());
  };
  const BuiltPlan a = build("a.wav");
  const BuiltPlan b = build("b.wav");
  EXPECT_TRUE(a.plan.has_audio_paths);
  EXPECT_EQ(a.report.num_audio_paths, 1u);
  EXPECT_EQ(Rows(a.plan)[0].audio_path, corpus_.Path("a.wav"));
  EXPECT_EQ(Rows(a.plan)[1].audio_path, "");
  EXPECT_EQ(a.plan.shards, b.plan.shards);
  EXPECT_NE(a.plan.fingerprint, b.plan.fingerprint);
  // Files are told apart by what they are, and not by the URL.
  EXPECT_EQ(a.report.warnings.at(Warning::kRepeatedAudio).count, 1u);
  EXPECT_FALSE(b.report.warnings.contains(Warning::kRepeatedAudio));
  const BuiltPlan none = build("none.wav");
  EXPECT_FALSE(none.plan.has_audio_paths);
  EXPECT_EQ(Rows(none.plan)[0].message,
            corpus_.Path("none.wav") +
                ": cannot be opened: No such file or directory");
}

TEST_F(PlanBuilderTest, WholeFilesKeepNoTraceOfSegments) {
  corpus_.WriteManifest("train.jsonl", {corpus_.AddWav("a.wav", 16000, 1)});
  const BuiltPlan plain = Build(OneSplit());
  EXPECT_FALSE(plain.plan.has_pieces);
  EXPECT_FALSE(plain.plan.segments);
  const std::string segment = "\"offset\": 0.5, \"duration\": 0.5";
  corpus_.WriteManifest("train.jsonl", {WithFields(corpus_, "a.wav", segment)});
  RunConfig config = OneSplit();
  config.input.segments = SegmentUse::kNone;
  const BuiltPlan whole = Build(config);
  EXPECT_FALSE(whole.plan.has_pieces);
  EXPECT_EQ(whole.plan.segments, SegmentUse::kNone);
  EXPECT_EQ(whole.plan.shards[0].fingerprint, plain.plan.shards[0].fingerprint);
  EXPECT_EQ(whole.report.warnings.at(Warning::kSegment).count, 1u);
}

TEST_F(PlanBuilderTest, MaxDurationIsOfTheSegment) {
  corpus_.AddWav("a.wav", 64000, 1);
  corpus_.WriteManifest(
      "train.jsonl",
      {WithFields(corpus_, "a.wav", "\"offset\": 1, \"duration\": 0.5"),
       corpus_.Line("a.wav")});
  RunConfig config = OneSplit();
  config.clips.max_duration_s = 1;
  const std::vector<PlanRow> rows = Rows(Build(config).plan);
  EXPECT_TRUE(rows[0].is_planned());
  EXPECT_EQ(rows[1].code, RejectCode::kTooLong);
}

TEST_F(PlanBuilderTest, WarningsNameTheirLines) {
  corpus_.AddWav("a.wav", 4000, 1);
  corpus_.AddWav("b.wav", 4000, 2);
  const std::string plain =
      "{\"audio\": \"" + corpus_.Path("b.wav") + "\", \"text\": \"hi\", ";
  corpus_.WriteManifest(
      "train.jsonl",
      {corpus_.Line("a.wav"), plain + "\"offset\": 1.5, \"id\": 7}",
       corpus_.Line("a.wav"),
       "{\"audio\": \"" + corpus_.Path("b.wav") +
           "\", \"text\": \"language Inglish<asr_text>x\"}"});
  corpus_.WriteManifest("eval.jsonl", {corpus_.Line("a.wav")});
  RunConfig config = corpus_.Config("");
  config.input.segments = SegmentUse::kNone;
  const BuiltPlan built = Build(config);
  const auto line = [&](Warning warning) {
    const Tally& tally = built.report.warnings.at(warning);
    EXPECT_EQ(tally.count, warning == Warning::kRepeatedAudio ? 2u : 1u);
    return tally.examples[0].split + ":" +
           std::to_string(tally.examples[0].line);
  };
  EXPECT_EQ(line(Warning::kNoTemplate), "train:2");
  EXPECT_EQ(line(Warning::kSegment), "train:2");
  EXPECT_EQ(line(Warning::kRepeatedAudio), "train:3");
  EXPECT_EQ(line(Warning::kUnknownLanguage), "train:4");
  EXPECT_EQ(line(Warning::kLeak), "eval:1");
  EXPECT_EQ(built.report.splits[0].num_dropped_fields, 2u);  // offset and id
}

TEST_F(PlanBuilderTest, FingerprintFollowsEverythingStored) {
  corpus_.AddWav("a.wav", 4000, 1);
  corpus_.WriteManifest("train.jsonl", {corpus_.Line("a.wav")});
  const Hash128 original = Build(OneSplit()).plan.fingerprint;
  EXPECT_EQ(Build(OneSplit()).plan.fingerprint, original);

  corpus_.WriteManifest("train.jsonl", {corpus_.Line("a.wav", "bye")});
  EXPECT_NE(Build(OneSplit()).plan.fingerprint, original);
  corpus_.WriteManifest("train.jsonl", {"", corpus_.Line("a.wav")});
  EXPECT_NE(Build(OneSplit()).plan.fingerprint, original);
  corpus_.WriteManifest("train.jsonl", {corpus_.Line("a.wav")});
  RunConfig config = OneSplit();
  config.features.feature_type = FeatureType::kFloat32;
  EXPECT_NE(Build(config).plan.fingerprint, original);
  corpus_.AddWav("a.wav", 4001, 1);
  EXPECT_NE(Build(OneSplit()).plan.fingerprint, original);
}

TEST_F(PlanBuilderTest, RefusesUnusableManifests) {
  RunControl control;
  EXPECT_THROW((void)BuildPlan(OneSplit(), corpus_.Path(""), &control),
               SetupError);
  corpus_.WriteManifest("train.jsonl", {"", "  "});
  EXPECT_THROW((void)BuildPlan(OneSplit(), corpus_.Path(""), &control),
               SetupError);
}

}  // namespace
}  // namespace melmill
