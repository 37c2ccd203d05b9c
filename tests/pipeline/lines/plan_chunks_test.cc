#include "pipeline/lines/plan_chunks.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/folder/machine.h"
#include "pipeline/lines/part_number.h"
#include "pipeline/parts/run_plan_part.h"
#include "pipeline/plan/plan_builder.h"
#include "pipeline/plan/tally.h"
#include "pipeline/run/run.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "store/plan/plan_file.h"
#include "store/store_folder.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

constexpr uint64_t kNumLines = 49;     // of Corpus::MakeMixed
constexpr uint64_t kNumMissing = 1;    // that another machine may see
constexpr uint64_t kChunkBytes = 500;  // five lines or so

// What a plan says that depends on its lines.
struct Built {
  std::string bytes;  // of plan.h5
  uint64_t num_known_lines = 0;
  std::map<Warning, uint64_t> warnings;
  std::vector<Hash128> manifests;
};

class PlanChunksTest : public testing::Test {
 protected:
  PlanChunksTest() {
    corpus_.MakeMixed();
    std::filesystem::create_directory(corpus_.Path("store"));
  }

  RunConfig Config(const std::string& out = "store") const {
    RunConfig config = corpus_.Config(out);
    config.store.plan_chunk_bytes = kChunkBytes;
    return config;
  }

  Built Build(const RunConfig& config, const PlanChunks* chunks) {
    RunControl control;
    Result<BuiltPlan> built =
        BuildPlan(config, corpus_.Path(""), &control, chunks);
    EXPECT_TRUE(built.ok()) << built.error().message;
    const std::string path = corpus_.Path("built.h5");
    std::filesystem::remove(path);
    EXPECT_TRUE(WritePlanFile(built.value().plan, path).ok());
    Built result = {.bytes = ReadWholeFile(path),
                    .num_known_lines = built.value().num_known_lines};
    const PlanReport& report = built.value().report;
    for (const auto& [warning, tally] : report.warnings) {
      result.warnings[warning] = tally.count;
    }
    for (const SplitReport& split : report.splits) {
      result.manifests.push_back(split.manifest_hash);
    }
    return result;
  }

  Built BuildWithChunks(const RunConfig& config) {
    PlanChunks chunks(config);
    EXPECT_TRUE(chunks.Open().ok());
    return Build(config, &chunks);
  }

  Built BuildWithChunks() { return BuildWithChunks(Config()); }
  Built BuildWithout() { return Build(Config(), nullptr); }

  std::vector<std::string> ChunkFiles() const {
    return ListFolder(corpus_.Path("store/.plan")).value();
  }

  RunReport Part(const std::string& part, const std::string& out = "store") {
    RunControl control;
    return RunPlanPart(Config(out), ParsePart(part), &control);
  }

  Corpus corpus_;
};

void ExpectSame(const Built& built, const Built& expected) {
  EXPECT_TRUE(built.bytes == expected.bytes);
  EXPECT_EQ(built.warnings, expected.warnings);
  EXPECT_EQ(built.manifests, expected.manifests);
}

TEST_F(PlanChunksTest, ChangeNothing) {
  const auto expected = BuildWithout();
  auto built = BuildWithChunks();
  ExpectSame(built, expected);
  EXPECT_EQ(built.num_known_lines, 0u);
  EXPECT_GT(ChunkFiles().size(), 8u);
  built = BuildWithChunks();
  ExpectSame(built, expected);
  EXPECT_EQ(built.num_known_lines, kNumLines - kNumMissing);
}

TEST_F(PlanChunksTest, HoldLinesLongerThanAChunk) {
  std::vector<std::string> lines;
  for (uint32_t i = 0; i < 20; ++i) {
    corpus_.AddWav("l" + std::to_string(i) + ".wav", 2000 + i, i);
    lines.push_back(corpus_.Line("l" + std::to_string(i) + ".wav",
                                 std::string(i * i * 10, 'x')));
    if (i % 3 == 0) lines.push_back("");
  }
  corpus_.WriteManifest("train.jsonl", lines);
  const auto expected = BuildWithout();
  ExpectSame(BuildWithChunks(), expected);
  const auto built = BuildWithChunks();
  ExpectSame(built, expected);
  EXPECT_EQ(built.num_known_lines, 25u);
}

TEST_F(PlanChunksTest, TellWhetherALineHasChanged) {
  BuildWithChunks();
  corpus_.WriteManifest("eval.jsonl",
                        {corpus_.Line("e1.wav"), corpus_.Line("e1.wav"),
                         corpus_.Line("e2.wav", "bye"), corpus_.Line("e3.wav"),
                         corpus_.Line("e0.wav"), corpus_.Line("e4.wav")});
  const auto built = BuildWithChunks();
  ExpectSame(built, BuildWithout());
  // Of the new manifest the second and the fourth line are where they were.
  EXPECT_EQ(built.num_known_lines, kNumLines - kNumMissing - 5 + 2);
}

TEST_F(PlanChunksTest, DoNotRememberThatAFileWasMissing) {
  BuildWithChunks();
  corpus_.AddWav("missing.wav", 4000, 5);
  const auto built = BuildWithChunks();
  ExpectSame(built, BuildWithout());
  EXPECT_EQ(BuildWithChunks().num_known_lines, kNumLines);
}

TEST_F(PlanChunksTest, BelongToTheirSettings) {
  BuildWithChunks();
  RunConfig config = Config();
  config.clips.max_duration_s = 2;
  auto built = BuildWithChunks(config);
  EXPECT_EQ(built.num_known_lines, 0u);
  ExpectSame(built, Build(config, nullptr));
  config = Config();
  config.input.require_text = false;
  EXPECT_EQ(BuildWithChunks(config).num_known_lines, 0u);
  config.input.kept_fields = {"speaker"};
  EXPECT_EQ(BuildWithChunks(config).num_known_lines, 0u);
  config.input.audio_root = corpus_.Path("");
  EXPECT_EQ(BuildWithChunks(config).num_known_lines, 0u);
  EXPECT_EQ(BuildWithChunks().num_known_lines, kNumLines - kNumMissing);
}

TEST_F(PlanChunksTest, DamageIsPlannedAnew) {
  const auto expected = BuildWithout();
  BuildWithChunks();
  const std::string path = corpus_.Path("store/.plan/") + ChunkFiles()[2];
  const std::string whole = ReadWholeFile(path);
  uint64_t num_noticed = 0;
  for (size_t at = 0; at < whole.size(); at += 151) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    WriteWholeFile(path, damaged);
    const auto built = BuildWithChunks();
    ASSERT_TRUE(built.bytes == expected.bytes) << at;
    if (built.num_known_lines < kNumLines - kNumMissing) ++num_noticed;
  }
  EXPECT_GT(num_noticed, 3u);
  WriteWholeFile(path, whole.substr(0, whole.size() / 2));
  ExpectSame(BuildWithChunks(), expected);
}

TEST_F(PlanChunksTest, CompareFilesOfOtherMachinesByTheirPaths) {
  // One file by two names, and by another spelling of its path.
  std::filesystem::create_hard_link(corpus_.Path("e0.wav"),
                                    corpus_.Path("same.wav"));
  corpus_.WriteManifest("eval.jsonl",
                        {corpus_.Line("e0.wav"), corpus_.Line("same.wav"),
                         corpus_.Line("../" +
                                      std::filesystem::path(corpus_.Path(""))
                                          .parent_path()
                                          .filename()
                                          .string() +
                                      "/e0.wav")});
  auto built = BuildWithChunks();
  EXPECT_EQ(built.warnings[Warning::kRepeatedAudio], 2u);
  const std::string path = corpus_.Path("store/.plan/") + ChunkFiles()[0];
  std::string bytes = ReadWholeFile(path);
  const std::string host = ThisMachine().host + '/';
  const size_t at = bytes.find(host);
  ASSERT_NE(at, std::string::npos);
  bytes[at] = bytes[at] == 'x' ? 'y' : 'x';
  WriteWholeFile(path, bytes);
  const std::string plan = built.bytes;
  built = BuildWithChunks();
  EXPECT_EQ(built.warnings[Warning::kRepeatedAudio], 1u);
  EXPECT_EQ(built.num_known_lines, 44u - kNumMissing + 3);
  EXPECT_TRUE(built.bytes == plan);
}

TEST_F(PlanChunksTest, PartsInAnyOrderMakeThePlanOfOneRun) {
  uint64_t num_chunks = 0;
  for (const char* part : {"5/3", "0/3", "1/3", "2/3"}) {
    const RunReport report = Part(part);
    EXPECT_EQ(report.status, RunStatus::kPlanPartDone);
    const bool was_done = std::string(part) == "2/3";  // it is part 5/3
    if (!was_done) num_chunks += report.chunks->num_chunks;
    EXPECT_EQ(report.chunks->num_known_lines > 0, was_done) << part;
  }
  EXPECT_EQ(num_chunks, ChunkFiles().size());
  RunControl control;
  const RunReport plan = RunPlan(Config(), &control);
  EXPECT_EQ(plan.status, RunStatus::kPlanWritten);
  EXPECT_EQ(plan.chunks->num_known_lines, kNumLines - kNumMissing);
  EXPECT_FALSE(FileExists(corpus_.Path("store/.plan")));
  RunPlan(Config("other"), &control);
  EXPECT_TRUE(ReadWholeFile(corpus_.Path("store/plan.h5")) ==
              ReadWholeFile(corpus_.Path("other/plan.h5")));
}

TEST_F(PlanChunksTest, AStoppedPlanGoesOn) {
  RunControl stopped;
  stopped.RequestStop(2);
  EXPECT_EQ(RunPlanPart(Config(), {}, &stopped).status, RunStatus::kStopped);
  EXPECT_TRUE(ChunkFiles().empty());
  Part("0/2");
  RunControl control;
  const RunReport plan = RunPlan(Config(), &control);
  EXPECT_GT(plan.chunks->num_known_lines, kNumLines / 4);
  EXPECT_LT(plan.chunks->num_known_lines, kNumLines * 3 / 4);
  RunPlan(Config("other"), &control);
  EXPECT_TRUE(ReadWholeFile(corpus_.Path("store/plan.h5")) ==
              ReadWholeFile(corpus_.Path("other/plan.h5")));
}

TEST_F(PlanChunksTest, AnExtractionPlansAnewAndRemovesThem) {
  Part("0/1");
  RunControl control;
  EXPECT_EQ(RunExtract(Config(), &control).status, RunStatus::kFinished);
  EXPECT_FALSE(FileExists(corpus_.Path("store/.plan")));
}

TEST_F(PlanChunksTest, RemoveNothingElse) {
  Part("0/1");
  WriteWholeFile(corpus_.Path("store/.plan/notes.txt"), "mine");
  EXPECT_TRUE(RemovePlanChunks(corpus_.Path("store")).ok());
  EXPECT_EQ(ChunkFiles(), std::vector<std::string>{"notes.txt"});
  EXPECT_TRUE(RemovePlanChunks(corpus_.Path("nowhere")).ok());
}

TEST_F(PlanChunksTest, APartIsRefusedOnceThereIsAPlan) {
  RunControl control;
  RunPlan(Config(), &control);
  EXPECT_THROW(Part("0/2"), SetupError);
}

}  // namespace
}  // namespace melmill
