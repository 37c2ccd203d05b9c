#include "pipeline/plan/plan.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pipeline/plan/plan_builder.h"
#include "pipeline/plan/tally.h"
#include "pipeline/plan_file.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "store/plan/plan_row.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

class PlanTest : public testing::Test {
 protected:
  Plan Build(const RunConfig& config) {
    RunControl control;
    Result<Plan> plan = BuildPlan(config, corpus_.Path(""), &control);
    EXPECT_TRUE(plan.ok()) << plan.error().message;
    return std::move(plan).value();
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

TEST_F(PlanTest, LanguagesBeyondAThousandAreCountedTogether) {
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
  const Plan plan = Build(OneSplit());
  EXPECT_EQ(plan.splits[0].languages.size(), 1001u);
  EXPECT_EQ(plan.splits[0].languages.at("(others)").num_rows, 3u);
}

TEST_F(PlanTest, EveryLineIsARowWithItsFate) {
  WavSpec stereo;
  stereo.sample_rate_hz = 44100;
  stereo.num_channels = 2;
  stereo.encoding = SampleEncoding::kPcm24;
  corpus_.WriteManifest(
      "train.jsonl",
      {corpus_.AddWav("a.wav", 16000, 1), "", corpus_.Line("missing.wav"),
       "   ", "{broken", corpus_.AddWav("b.wav", 44100, 2, stereo)});
  const Plan plan = Build(OneSplit());
  const std::vector<PlanRow> rows = Rows(plan);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].line, 1u);
  EXPECT_TRUE(rows[0].is_planned());
  EXPECT_EQ(rows[0].text, "language English<asr_text>hello");
  EXPECT_EQ(rows[0].source.num_samples, 16000);
  EXPECT_EQ(rows[0].source.num_frames, 100);
  EXPECT_EQ(rows[1].line, 3u);
  EXPECT_EQ(rows[1].code, ErrorCode::kNotFound);
  EXPECT_EQ(rows[1].audio, corpus_.Path("missing.wav"));
  EXPECT_EQ(rows[2].line, 5u);
  EXPECT_EQ(rows[2].code, ErrorCode::kBadJson);
  EXPECT_EQ(rows[3].source.header.encoding, SampleEncoding::kPcm24);
  EXPECT_EQ(rows[3].source.header.num_channels, 2);
  EXPECT_EQ(rows[3].source.header.num_samples, 44100);
  EXPECT_EQ(rows[3].source.num_samples, 16000);

  const SplitPlan& split = plan.splits[0];
  EXPECT_EQ(split.num_lines, 4u);
  EXPECT_EQ(split.num_blank_lines, 2u);
  EXPECT_EQ(split.num_rejected, 2u);
  EXPECT_EQ(split.num_samples, 32000u);
  EXPECT_EQ(split.languages.at("English").num_rows, 2u);
  EXPECT_EQ(split.rows_by_rate.at(44100), 1u);
  EXPECT_EQ(plan.rejects.at(ErrorCode::kNotFound).examples[0].line, 3u);
}

TEST_F(PlanTest, OrderIsTheManifestsForManyLines) {
  std::vector<std::string> lines;
  for (int i = 0; i < 3000; ++i) {
    lines.push_back(
        i % 7 == 0 ? "{}" : corpus_.Line("a" + std::to_string(i % 5) + ".wav"));
  }
  for (uint32_t i = 0; i < 5; ++i) {
    corpus_.AddWav("a" + std::to_string(i) + ".wav", 1000 + i, i);
  }
  corpus_.WriteManifest("train.jsonl", lines);
  const Plan plan = Build(OneSplit());
  const std::vector<PlanRow> rows = Rows(plan);
  ASSERT_EQ(rows.size(), 3000u);
  for (size_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i].line, i + 1);
    ASSERT_EQ(rows[i].is_planned(), i % 7 != 0);
    if (rows[i].is_planned()) {
      ASSERT_EQ(rows[i].source.num_samples, static_cast<int64_t>(1000 + i % 5));
    }
  }
}

TEST_F(PlanTest, WarningsNameTheirLines) {
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
  const Plan plan = Build(config);
  const auto line = [&](Warning warning) {
    const Tally& tally = plan.warnings.at(warning);
    EXPECT_EQ(tally.count, warning == Warning::kRepeatedAudio ? 2u : 1u);
    return tally.examples[0].split + ":" +
           std::to_string(tally.examples[0].line);
  };
  EXPECT_EQ(line(Warning::kNoTemplate), "train:2");
  EXPECT_EQ(line(Warning::kSegment), "train:2");
  EXPECT_EQ(line(Warning::kRepeatedAudio), "train:3");
  EXPECT_EQ(line(Warning::kUnknownLanguage), "train:4");
  EXPECT_EQ(line(Warning::kLeak), "eval:1");
  EXPECT_EQ(plan.splits[0].num_dropped_fields, 2u);  // offset and id
}

TEST_F(PlanTest, FingerprintFollowsEverythingStored) {
  corpus_.AddWav("a.wav", 4000, 1);
  corpus_.WriteManifest("train.jsonl", {corpus_.Line("a.wav")});
  const Hash128 original = Build(OneSplit()).fingerprint;
  EXPECT_EQ(Build(OneSplit()).fingerprint, original);

  corpus_.WriteManifest("train.jsonl", {corpus_.Line("a.wav", "bye")});
  EXPECT_NE(Build(OneSplit()).fingerprint, original);
  corpus_.WriteManifest("train.jsonl", {"", corpus_.Line("a.wav")});
  EXPECT_NE(Build(OneSplit()).fingerprint, original);
  corpus_.WriteManifest("train.jsonl", {corpus_.Line("a.wav")});
  RunConfig config = OneSplit();
  config.features.feature_type = FeatureType::kFloat32;
  EXPECT_NE(Build(config).fingerprint, original);
  corpus_.AddWav("a.wav", 4001, 1);
  EXPECT_NE(Build(OneSplit()).fingerprint, original);
}

TEST_F(PlanTest, RefusesUnusableManifests) {
  RunControl control;
  EXPECT_THROW((void)BuildPlan(OneSplit(), corpus_.Path(""), &control),
               SetupError);
  corpus_.WriteManifest("train.jsonl", {"", "  "});
  EXPECT_THROW((void)BuildPlan(OneSplit(), corpus_.Path(""), &control),
               SetupError);
}

TEST_F(PlanTest, ReadsBackFromItsFile) {
  corpus_.MakeMixed();
  std::string manifest = ReadWholeFile(corpus_.Path("train.jsonl"));
  manifest.insert(1, "\"prompt\": \"p\", \"speaker\": \"A\", ");
  WriteWholeFile(corpus_.Path("train.jsonl"), manifest);
  RunConfig config = corpus_.Config("");
  config.input.kept_fields = {"speaker"};
  const Plan plan = Build(config);
  const std::string path = corpus_.Path("plan.h5");
  ASSERT_TRUE(WritePlanFile(plan, path).ok());
  const Result<StoredPlan> stored = ReadPlanFile(path);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_EQ(stored.value().contract, plan.contract);
  EXPECT_EQ(stored.value().producer, plan.producer);
  EXPECT_EQ(stored.value().fingerprint, ToHex(plan.fingerprint));
  EXPECT_EQ(stored.value().shard_target_bytes, plan.shard_target_bytes);
  EXPECT_EQ(stored.value().split_names,
            (std::vector<std::string>{"train", "eval"}));
  EXPECT_EQ(stored.value().kept_fields, config.input.kept_fields);
  EXPECT_TRUE(stored.value().shards == plan.shards);
  const std::vector<PlanRow> rows = Rows(plan);
  ASSERT_EQ(stored.value().rows->num_rows(), rows.size());
  ASSERT_TRUE(ForEachPlanRow(*stored.value().rows, 0, rows.size(),
                             [&](uint64_t number, const PlanRow& row) {
                               EXPECT_EQ(row, rows[number]) << number;
                               return Result<void>();
                             })
                  .ok());
  EXPECT_EQ(rows[0].kept[0], "\"A\"");
}

TEST_F(PlanTest, RefusesShardsOfRowsThatAreNotThere) {
  corpus_.MakeMixed();
  const Plan plan = Build(corpus_.Config(""));
  const std::string path = corpus_.Path("plan.h5");
  ASSERT_TRUE(WritePlanFile(plan, path).ok());
  const std::string sound = ReadWholeFile(path);
  for (const char* column : {"shard_split", "shard_first_row", "shard_end_row",
                             "shard_num_rows", "shard_fingerprint_bytes"}) {
    std::string bytes = sound;
    const auto contents = ReadH5Contents(path);
    bytes[contents.value().FindDataset(column)->offset + 3] = '\x7f';
    WriteWholeFile(corpus_.Path("bad.h5"), bytes);
    const Result<StoredPlan> stored = ReadPlanFile(corpus_.Path("bad.h5"));
    ASSERT_FALSE(stored.ok()) << column;
    EXPECT_EQ(stored.error().message,
              "not a plan: a shard of rows that it does not have");
  }
}

TEST_F(PlanTest, RefusesAContractThatIsNoJson) {
  corpus_.MakeMixed();
  const Plan plan = Build(corpus_.Config(""));
  const std::string path = corpus_.Path("plan.h5");
  ASSERT_TRUE(WritePlanFile(plan, path).ok());
  for (const std::string& text : {plan.contract, plan.producer}) {
    std::string bytes = ReadWholeFile(path);
    bytes[bytes.find(text)] = '[';
    WriteWholeFile(corpus_.Path("bad.h5"), bytes);
    const Result<StoredPlan> stored = ReadPlanFile(corpus_.Path("bad.h5"));
    ASSERT_FALSE(stored.ok());
    EXPECT_EQ(stored.error().message,
              "not a plan: its contract or producer is no JSON");
  }
}

TEST_F(PlanTest, RefusesAFileThatIsNoPlan) {
  EXPECT_EQ(ReadPlanFile(corpus_.Path("none")).error().code,
            ErrorCode::kNotFound);
  WriteWholeFile(corpus_.Path("plan.h5"), std::string(5000, 'x'));
  EXPECT_EQ(ReadPlanFile(corpus_.Path("plan.h5")).error().code,
            ErrorCode::kBadHeader);
}

// Whatever its attributes say, what is read can be used.
TEST_F(PlanTest, RefusesAttributesThatMeanNothing) {
  corpus_.MakeMixed();
  RunConfig config = corpus_.Config("");
  config.input.kept_fields = {"one", "two"};
  config.store.shard_bytes = 1'234'567;
  const std::string path = corpus_.Path("plan.h5");
  ASSERT_TRUE(WritePlanFile(Build(config), path).ok());
  const std::string sound = ReadWholeFile(path);
  struct Damage {
    std::string from;
    std::string to;  // as long
    std::string message;
  };
  const std::string no_json = "its contract or producer is no JSON";
  for (const Damage& damage : {
           Damage{R"({"features")", R"(["features")", no_json},
           Damage{R"({"program")", R"({'program')", no_json},
           Damage{R"({"shard_t)", R"( "shard_t)", "its description is no JSON"},
           Damage{R"("one","two")", R"("one","one")", "it keeps a field twice"},
           Damage{":1234567", ":-234567", "no size"},
           Damage{":1234567", ":1e99999", "its description is no JSON"},
           Damage{":1234567", ":123e300", "no size"},
           Damage{R"(["train",)", R"([1234567,)", "type must be"},
       }) {
    std::string bytes = sound;
    const size_t at = bytes.find(damage.from);
    ASSERT_NE(at, std::string::npos) << damage.from;
    bytes.replace(at, damage.from.size(), damage.to);
    bytes.resize(sound.size());
    WriteWholeFile(path, bytes);
    const Result<StoredPlan> plan = ReadPlanFile(path);
    ASSERT_FALSE(plan.ok()) << damage.to;
    EXPECT_EQ(plan.error().code, ErrorCode::kBadHeader) << damage.to;
    EXPECT_NE(plan.error().message.find(damage.message), std::string::npos)
        << plan.error().message;
  }
}

}  // namespace
}  // namespace melmill
