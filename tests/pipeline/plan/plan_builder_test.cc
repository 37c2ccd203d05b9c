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
  config.input.whole_files = true;
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
