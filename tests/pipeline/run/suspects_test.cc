#include "pipeline/run/suspects.h"

#include <gtest/gtest.h>

#include <string>

#include "io/hash.h"
#include "pipeline/plan/plan_builder.h"
#include "pipeline/row/row_list.h"
#include "pipeline/setup/run_control.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

class SuspectsTest : public testing::Test {
 protected:
  SuspectsTest() {
    corpus_.WriteManifest("train.jsonl",
                          {corpus_.AddWav("a.wav", 16000, 1), "{broken",
                           corpus_.AddWav("b.wav", 16000, 2)});
    RunConfig config;
    config.input.splits = {{"train", corpus_.Path("train.jsonl")}};
    config.resources.hang_seconds = 7;
    RunControl control;
    plan_ = BuildPlan(config, corpus_.Path(""), &control).value();
  }

  std::string TextOfHang(const Hash128& source_hash) {
    std::string text;
    RunControl control;
    control.on_hung = [&](const std::string& message) { text = message; };
    EndHungRun(plan_, source_hash, control);
    return text;
  }

  Corpus corpus_;
  Plan plan_;
};

TEST_F(SuspectsTest, ARunThatHangsNamesTheRowAndWhatHelps) {
  const Result<RowList> tasks = RowList::Load(plan_, plan_.shards[0]);
  ASSERT_TRUE(tasks.ok());
  EXPECT_EQ(TextOfHang(tasks.value()[1].source_hash),
            "train line 3 (" + corpus_.Path("b.wav") +
                ") has made no progress for 7 s (--hang-after); run the same "
                "command again: it tries that row alone");
}

TEST_F(SuspectsTest, ARowThatThePlanDoesNotHaveIsSomeRow) {
  EXPECT_TRUE(TextOfHang({}).starts_with("a row has made no progress"));
}

TEST_F(SuspectsTest, AFolderWithoutFilesOfSuspectsHasNone) {
  const Result<Suspects> suspects = ReadAllSuspects(corpus_.Path(""));
  ASSERT_TRUE(suspects.ok());
  EXPECT_TRUE(suspects.value().empty());
}

}  // namespace
}  // namespace melmill
