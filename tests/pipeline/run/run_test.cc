#include "pipeline/run/run.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "io/file/durable_file.h"
#include "io/file/file_lock.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/run/plan_change.h"
#include "pipeline/run/run_report.h"
#include "pipeline/run/shard_check.h"
#include "pipeline/run/validate.h"
#include "pipeline/setup/run_control.h"
#include "pipeline/setup/setup_error.h"
#include "store/store_folder.h"
#include "store/verify.h"
#include "tests/support/built_work.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

class RunTest : public testing::Test {
 protected:
  RunReport Run(const RunConfig& config) {
    RunControl control;
    return RunExtract(config, &control);
  }

  // The files of a run from scratch.
  std::map<std::string, std::string> FreshRun() {
    const std::string name = "fresh" + std::to_string(num_fresh_++);
    EXPECT_EQ(Run(corpus_.Config(name)).status, RunStatus::kFinished);
    return ReadStoreFiles(corpus_.Path(name));
  }

  std::map<std::string, std::string> Files(const std::string& out) {
    return ReadStoreFiles(corpus_.Path(out));
  }

  static ino_t Inode(const std::string& path) {
    struct stat status = {};
    EXPECT_EQ(stat(path.c_str(), &status), 0) << path;
    return status.st_ino;
  }

  // Updates the store "out" after a change, expects a fresh run's bytes, and
  // returns how many shards were made.
  uint64_t Update() {
    RunConfig config = corpus_.Config("out");
    const auto before = Files("out");
    const RunReport refused = Run(config);
    EXPECT_EQ(refused.status, RunStatus::kNeedsUpdate);
    EXPECT_EQ(Files("out"), before);
    config.store.update = true;
    const RunReport updated = Run(config);
    EXPECT_EQ(updated.status, RunStatus::kFinished);
    EXPECT_EQ(Files("out"), FreshRun());
    change_ = updated.change.value_or(PlanChange());
    return updated.num_shards_made;
  }

  std::vector<std::string> Lines(const std::string& manifest) {
    std::vector<std::string> lines;
    std::string text = ReadWholeFile(corpus_.Path(manifest));
    for (size_t end; (end = text.find('\n')) != std::string::npos;) {
      lines.push_back(text.substr(0, end));
      text.erase(0, end + 1);
    }
    return lines;
  }

  Corpus corpus_;
  PlanChange change_;
  int num_fresh_ = 0;
};

TEST_F(RunTest, MakesAStoreThatVerifies) {
  corpus_.MakeMixed();
  const RunReport report = Run(corpus_.Config("out"));
  ASSERT_EQ(report.status, RunStatus::kFinished);
  EXPECT_EQ(report.plan->num_lines(), 49u);
  EXPECT_EQ(report.num_rejected, 3u);
  const VerifyReport verified = VerifyStore(corpus_.Path("out"), *report.store);
  EXPECT_TRUE(verified.damages.empty());
  EXPECT_EQ(verified.num_rows, 46u);
  EXPECT_EQ(ReadWholeFile(corpus_.Path("out/eval.accepted.jsonl")),
            ReadWholeFile(corpus_.Path("eval.jsonl")));
  std::vector<std::string> good = Lines("train.jsonl");
  good.erase(good.begin() + 3);  // NaN
  good.resize(good.size() - 2);  // missing, and no manifest line
  EXPECT_EQ(Lines("out/train.accepted.jsonl"), good);
}

TEST_F(RunTest, AManifestThatChangesWhileTheRunMakesShardsIsAFault) {
  corpus_.MakeMixed();
  const std::string manifest = corpus_.Path("train.jsonl");
  const std::string text = ReadWholeFile(manifest);
  // The changes are one more line, a blank in place of the last newline, and no
  // lines.
  for (const std::string& changed :
       {text + "{}\n", text.substr(0, text.size() - 1) + " ", std::string()}) {
    RunControl control;
    control.on_planned = [&](const PlanNotice&) {
      WriteWholeFile(manifest, changed);
    };
    const RunReport report = RunExtract(corpus_.Config("out"), &control);
    EXPECT_EQ(report.status, RunStatus::kMachineFault);
    EXPECT_EQ(report.fault.value_or(Error()).message,
              manifest + " changed while melmill ran; run again with --update");
    EXPECT_FALSE(FileExists(corpus_.Path("out/store.json")));
    WriteWholeFile(manifest, text);
  }
  EXPECT_EQ(Run(corpus_.Config("out")).status, RunStatus::kFinished);
  EXPECT_EQ(Files("out"), FreshRun());
}

TEST_F(RunTest, SecondRunDoesNothing) {
  corpus_.MakeMixed();
  Run(corpus_.Config("out"));
  const auto before = Files("out");
  const ino_t index = Inode(corpus_.Path("out/store.json"));
  const RunReport again = Run(corpus_.Config("out"));
  EXPECT_EQ(again.status, RunStatus::kNothingToDo);
  EXPECT_EQ(again.num_rejected, 3u);
  EXPECT_EQ(again.rejects.at(RejectCode::kNotFinite).count, 1u);
  EXPECT_EQ(Files("out"), before);
  EXPECT_EQ(Inode(corpus_.Path("out/store.json")), index);
}

TEST_F(RunTest, GoesOnWhereARunWasKilled) {
  corpus_.MakeMixed();
  const auto whole = FreshRun();
  Run(corpus_.Config("out"));
  // A killed run leaves this: no store.json, some shards, some left-overs.
  const std::string out = corpus_.Path("out");
  std::filesystem::remove(out + "/store.json");
  std::filesystem::remove(out + "/train.rows.h5");
  size_t num_removed = 0;
  size_t num_shards = 0;
  for (const auto& [name, bytes] : whole) {
    if (name.starts_with("train.") && name.ends_with(".h5") &&
        name != "train.rows.h5") {
      if (++num_shards % 2 == 0) {
        std::filesystem::remove(out + '/' + name);
        WriteWholeFile(out + '/' + name + ".tmp", "half");
        ++num_removed;
      }
    }
  }
  ASSERT_GT(num_removed, 2u);
  const RunReport again = Run(corpus_.Config("out"));
  EXPECT_EQ(again.status, RunStatus::kFinished);
  EXPECT_EQ(again.num_shards_made, num_removed);
  EXPECT_EQ(Files("out"), whole);
}

TEST_F(RunTest, RebuildsAShardThatIsGoneOrCutShort) {
  corpus_.MakeMixed();
  Run(corpus_.Config("out"));
  const auto whole = Files("out");
  std::vector<std::string> shards;
  for (const auto& [name, bytes] : whole) {
    if (name.starts_with("train.") && name.ends_with(".h5") &&
        name != "train.rows.h5") {
      shards.push_back(corpus_.Path("out/" + name));
    }
  }
  std::filesystem::remove(shards[0]);
  std::filesystem::resize_file(shards[1], 5000);
  const RunReport again = Run(corpus_.Config("out"));
  EXPECT_EQ(again.status, RunStatus::kFinished);
  EXPECT_EQ(again.num_shards_made, 2u);
  EXPECT_EQ(Files("out"), whole);
}

TEST_F(RunTest, UpdateOfATranscriptMakesNoShard) {
  corpus_.MakeMixed();
  Run(corpus_.Config("out"));
  std::vector<std::string> lines = Lines("train.jsonl");
  lines[5] = corpus_.Line("t4.wav", "another text");
  corpus_.WriteManifest("train.jsonl", lines);
  EXPECT_EQ(Update(), 0u);
  EXPECT_EQ(change_.changed.count, 1u);
  EXPECT_EQ(change_.num_added + change_.num_gone, 0u);
}

TEST_F(RunTest, UpdateOfAddedAndRemovedLinesMakesShardsNearby) {
  corpus_.MakeMixed();
  Run(corpus_.Config("out"));
  std::vector<std::string> lines = Lines("train.jsonl");
  lines.push_back(corpus_.AddWav("new.wav", 9000, 500));
  corpus_.WriteManifest("train.jsonl", lines);
  EXPECT_LE(Update(), 2u);
  EXPECT_EQ(change_.num_added, 1u);

  lines.erase(lines.begin() + 10);
  corpus_.WriteManifest("train.jsonl", lines);
  const uint64_t num_made = Update();
  EXPECT_GE(num_made, 1u);
  EXPECT_LE(num_made, 4u);
  EXPECT_EQ(change_.num_gone, 1u);
}

TEST_F(RunTest, UpdateStoresFilesThatWereReplaced) {
  corpus_.MakeMixed();
  Run(corpus_.Config("out"));
  corpus_.AddWav("missing.wav", 7000, 3);  // the plan rejected it
  EXPECT_GE(Update(), 1u);
  EXPECT_EQ(change_.changed.count, 1u);

  // The extraction rejected this file; size and header stay the same.
  WavSpec floats;
  floats.encoding = SampleEncoding::kFloat32;
  corpus_.AddWav("nan.wav", 5000, 7, floats);
  EXPECT_EQ(Update(), 1u);
  EXPECT_EQ(change_.num_rejects_changed, 1u);
}

TEST_F(RunTest, UpdateFollowsLinesThatOnlyMoved) {
  corpus_.MakeMixed();
  Run(corpus_.Config("out"));
  std::vector<std::string> lines = Lines("train.jsonl");
  lines.insert(lines.begin(), "");
  corpus_.WriteManifest("train.jsonl", lines);
  EXPECT_EQ(Update(), 0u);
  EXPECT_TRUE(change_.is_reordered);
}

TEST_F(RunTest, UpdateFollowsFieldsThatOnlyTheAcceptedLinesKeep) {
  corpus_.MakeMixed();
  Run(corpus_.Config("out"));
  std::vector<std::string> lines = Lines("train.jsonl");
  lines[0].insert(1, "\"speaker\": \"A\", ");
  corpus_.WriteManifest("train.jsonl", lines);
  EXPECT_EQ(Update(), 0u);
  EXPECT_EQ(change_.changed.count, 1u);
}

TEST_F(RunTest, UpdateMakesDamagedShardsAnew) {
  corpus_.MakeMixed();
  const RunReport made = Run(corpus_.Config("out"));
  const ShardEntry& entry = made.store->shards[2];
  const std::string shard = corpus_.Path("out/" + entry.file);
  std::string bytes = ReadWholeFile(shard);
  bytes[4096 + 256 * entry.num_frames + 100] ^= 1;  // in a tail sample
  WriteWholeFile(shard, bytes);
  std::vector<std::string> lines = Lines("train.jsonl");
  lines[30] = corpus_.Line("t29.wav", "another text");
  corpus_.WriteManifest("train.jsonl", lines);
  EXPECT_EQ(Update(), 1u);
}

TEST_F(RunTest, SecondRunRemovesWhatMelmillMadeAndNothingElse) {
  corpus_.MakeMixed();
  const RunReport made = Run(corpus_.Config("out"));
  const auto whole = Files("out");
  RunConfig other = corpus_.Config("other");
  other.features.feature_type = FeatureType::kFloat32;
  const std::string old_shard = Run(other).store->shards[0].file;
  std::filesystem::copy(corpus_.Path("other/" + old_shard),
                        corpus_.Path("out/" + old_shard));
  for (const char* name :
       {"train.ba9876543210.h5.tmp", "store.json.0123456789abcdef.tmp",
        ".table-abcdef", ".suspects", ".suspects.0123456789abcdef"}) {
    WriteWholeFile(corpus_.Path("out/") + name, "dead");
  }
  std::map<std::string, std::string> own = {
      {"README.txt", "mine"},
      {"short.accepted.jsonl", "mine"},
      {"short.accepted.jsonl.tmp", "mine"},
      {"mine.rows.h5", "mine"},
      {"x.0123456789ab.h5", "mine"},
      {"backup." + made.store->shards[0].file, "mine"},
  };
  for (const auto& [name, bytes] : own) {
    WriteWholeFile(corpus_.Path("out/" + name), bytes);
  }
  own.insert(whole.begin(), whole.end());
  EXPECT_EQ(Run(corpus_.Config("out")).status, RunStatus::kNothingToDo);
  EXPECT_EQ(Files("out"), own);
  // The same holds for an update, a resumed run and a repair.
  std::filesystem::remove(corpus_.Path("out/store.json"));
  EXPECT_EQ(Run(corpus_.Config("out")).status, RunStatus::kFinished);
  EXPECT_EQ(Files("out"), own);
  std::vector<std::string> lines = Lines("train.jsonl");
  const std::string first = lines.front();
  lines.erase(lines.begin());
  corpus_.WriteManifest("train.jsonl", lines);
  RunConfig update = corpus_.Config("out");
  update.store.update = true;
  EXPECT_EQ(Run(update).status, RunStatus::kFinished);
  lines.insert(lines.begin(), first);
  corpus_.WriteManifest("train.jsonl", lines);
  EXPECT_EQ(Run(update).status, RunStatus::kFinished);
  EXPECT_EQ(Files("out"), own);
}

TEST_F(RunTest, AFileInTheWayOfANewSplitIsRefused) {
  corpus_.MakeMixed();
  Run(corpus_.Config("out"));
  WriteWholeFile(corpus_.Path("out/short.accepted.jsonl"), "mine");
  const auto before = Files("out");
  RunConfig config = corpus_.Config("out");
  config.store.update = true;
  config.input.splits.push_back({"short", corpus_.Path("train.jsonl")});
  try {
    Run(config);
    FAIL() << "no error";
  } catch (const SetupError& error) {
    EXPECT_NE(std::string(error.what()).find("short.accepted.jsonl is in the"),
              std::string::npos);
  }
  EXPECT_EQ(Files("out"), before);
}

TEST_F(RunTest, ASplitThatIsGoneTakesItsFilesWithIt) {
  corpus_.MakeMixed();
  Run(corpus_.Config("out"));
  RunConfig config = corpus_.Config("out");
  config.store.update = true;
  config.input.splits.pop_back();
  EXPECT_EQ(Run(config).status, RunStatus::kFinished);
  config.store.folder = corpus_.Path("fresh");
  config.store.update = false;
  Run(config);
  EXPECT_EQ(Files("out"), Files("fresh"));
}

TEST_F(RunTest, TellsWhatItIsAboutToDo) {
  corpus_.MakeMixed();
  RunControl control;
  PlanNotice notice;
  control.on_planned = [&notice](const PlanNotice& given) { notice = given; };
  const RunReport report = RunExtract(corpus_.Config("out"), &control);
  EXPECT_EQ(notice.num_lines, 49u);
  EXPECT_EQ(notice.num_rejected, 2u);
  EXPECT_EQ(notice.num_shards_to_make, report.num_shards_made);
  EXPECT_GT(notice.bytes_to_write, 500'000u);
  EXPECT_GT(notice.free_bytes, notice.bytes_to_write);
}

TEST_F(RunTest, ShardsOfEqualContentAreOneFile) {
  std::vector<std::string> lines;
  for (int repeat = 0; repeat < 2; ++repeat) {
    for (uint32_t i = 0; i < 3; ++i) {
      lines.push_back(
          corpus_.AddWav("a" + std::to_string(i) + ".wav", 4000 + i, i));
    }
  }
  corpus_.WriteManifest("train.jsonl", lines);
  corpus_.WriteManifest("eval.jsonl", {lines[0]});
  RunConfig config = corpus_.Config("out");
  config.store.shard_bytes = 1;
  const RunReport report = Run(config);
  ASSERT_EQ(report.status, RunStatus::kFinished);
  EXPECT_EQ(report.store->shards.size(), 7u);
  EXPECT_EQ(report.num_shards_made, 4u);  // three of train, one of eval
  EXPECT_EQ(report.store->splits[0].num_stored, 6u);
  EXPECT_TRUE(VerifyStore(config.store.folder, *report.store).damages.empty());
}

TEST_F(RunTest, WhatDeadRunsLeftIsGoneBeforeSpaceIsCounted) {
  corpus_.MakeMixed();
  const RunConfig config = corpus_.Config("out");
  const auto run_with_left_overs = [&] {
    std::filesystem::create_directory(config.store.folder);
    for (const char* name :
         {"train.0123456789ab.h5.tmp", "store.json.tmp", ".table-abcdef"}) {
      WriteWholeFile(config.store.folder + '/' + name, "left over");
    }
    bool was_called = false;
    RunControl control;
    control.on_planned = [&](const PlanNotice&) {
      was_called = true;
      for (const auto& [name, bytes] : ReadStoreFiles(config.store.folder)) {
        EXPECT_NE(bytes, "left over") << name;
      }
    };
    const RunReport report = RunExtract(config, &control);
    EXPECT_EQ(report.status, RunStatus::kFinished);
    EXPECT_TRUE(was_called);
  };
  run_with_left_overs();  // in a folder with nothing else
  const auto whole = ReadStoreFiles(config.store.folder);
  std::filesystem::remove(config.store.folder + "/store.json");
  run_with_left_overs();  // in an unfinished store
  EXPECT_EQ(ReadStoreFiles(config.store.folder), whole);
}

TEST_F(RunTest, TooManyRejectsInThePlanExtractsNothing) {
  corpus_.MakeMixed();
  RunConfig config = corpus_.Config("out");
  config.max_rejects =
      MaxRejects{.value = 1, .is_percent = false, .at_least = 0};
  EXPECT_EQ(Run(config).status, RunStatus::kTooManyRejects);
  EXPECT_FALSE(FileExists(config.store.folder));
}

TEST_F(RunTest, RefusesFoldersThatDoNotFit) {
  corpus_.MakeMixed();
  RunConfig config = corpus_.Config("out");
  ASSERT_EQ(Run(config).status, RunStatus::kFinished);
  const auto before = Files("out");
  {
    const auto lock = FileLock::TryLock(config.store.folder + "/.lock");
    ASSERT_TRUE(lock.ok() && lock.value());
    EXPECT_THROW(Run(config), SetupError);
  }
  RunConfig other = config;
  other.features.feature_type = FeatureType::kFloat32;
  EXPECT_THROW(Run(other), SetupError);
  other = config;
  other.store.shard_bytes = 12345;
  EXPECT_THROW(Run(other), SetupError);
  other = config;
  other.store.folder = corpus_.Path("no/such/parent");
  EXPECT_THROW(Run(other), SetupError);
  other.store.folder = corpus_.Path("");  // contains the corpus
  EXPECT_THROW(Run(other), SetupError);
  other.store.folder = corpus_.Path("train.jsonl");
  EXPECT_THROW(Run(other), SetupError);
  other = config;
  other.input.splits = {
      {"train", config.store.folder + "/train.accepted.jsonl"}};
  EXPECT_THROW(Run(other), SetupError);
  EXPECT_EQ(Files("out"), before);
}

TEST_F(RunTest, RefusesAManifestWithoutOneUsableFile) {
  corpus_.WriteManifest("train.jsonl", {corpus_.Line("gone.wav")});
  corpus_.WriteManifest("eval.jsonl", {corpus_.Line("gone.wav")});
  try {
    Run(corpus_.Config("out"));
    FAIL() << "no error";
  } catch (const SetupError& error) {
    EXPECT_NE(std::string(error.what()).find(corpus_.Path("gone.wav")),
              std::string::npos);
  }
  EXPECT_FALSE(FileExists(corpus_.Path("out")));
}

TEST_F(RunTest, ValidateWritesNothing) {
  corpus_.MakeMixed();
  RunConfig config = corpus_.Config("");
  std::set<std::string> before;
  for (const auto& entry :
       std::filesystem::directory_iterator(corpus_.Path(""))) {
    before.insert(entry.path());
  }
  RunControl control;
  const RunReport report = RunValidate(config, &control);
  EXPECT_EQ(report.status, RunStatus::kPlanned);
  EXPECT_EQ(report.num_rejected, 2u);
  EXPECT_GT(report.store_bytes, 0u);
  std::set<std::string> after;
  for (const auto& entry :
       std::filesystem::directory_iterator(corpus_.Path(""))) {
    after.insert(entry.path());
  }
  EXPECT_EQ(after, before);
}

TEST_F(RunTest, AStoppedPlanIsNoFault) {
  corpus_.MakeMixed();
  RunControl control;
  control.RequestStop(2);
  EXPECT_EQ(RunExtract(corpus_.Config("out"), &control).status,
            RunStatus::kStopped);
  EXPECT_FALSE(FileExists(corpus_.Path("out")));
}

// The stop is requested before the check begins, so that nothing races.
TEST_F(RunTest, NoShardIsCheckedOnceAStopIsAskedFor) {
  corpus_.WriteManifest("train.jsonl", {corpus_.AddWav("a.wav", 5000, 1),
                                        corpus_.AddWav("b.wav", 5000, 2)});
  RunConfig config = corpus_.Config("out");
  config.input.splits = {{"train", corpus_.Path("train.jsonl")}};
  config.store.shard_bytes = 1;  // a row each
  Run(config);

  const BuiltWork built(config, config.store.folder);
  const RowComputer processor(config.features);
  const auto check = [&](RunControl* control) {
    return CheckShards({.work = built.work(),
                        .folder = config.store.folder,
                        .processor = processor,
                        .suspects = {},
                        .hang_seconds = 0,
                        .control = control});
  };
  RunControl undisturbed;
  EXPECT_TRUE(check(&undisturbed).ok());
  EXPECT_EQ(undisturbed.shards_checked, 2u);
  RunControl stopped;
  stopped.RequestStop(SIGINT);
  EXPECT_FALSE(check(&stopped).ok());
  EXPECT_EQ(stopped.shards_checked, 0u);
}

}  // namespace
}  // namespace melmill
