#include "pipeline/run/suspects.h"

#include <gtest/gtest.h>

#include <string>

#include "io/hash.h"
#include "pipeline/row/row_list.h"
#include "pipeline/setup/run_control.h"
#include "tests/support/built_work.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

class SuspectsTest : public testing::Test {
 protected:
  RunConfig MakeCorpus() {
    corpus_.WriteManifest("train.jsonl",
                          {corpus_.AddWav("a.wav", 16000, 1), "{broken",
                           corpus_.AddWav("b.wav", 16000, 2)});
    RunConfig config;
    config.input.splits = {{"train", corpus_.Path("train.jsonl")}};
    return config;
  }

  std::string TextOfHang(const Hash128& source_hash) {
    std::string text;
    RunControl control;
    control.end_process = [&](const std::string& message) { text = message; };
    WatchOptions("", built_.plan(), 7, control).on_hung(source_hash);
    return text;
  }

  Corpus corpus_;
  const BuiltWork built_{MakeCorpus(), corpus_.Path("")};
};

TEST_F(SuspectsTest, ARunThatHangsNamesTheRowAndWhatHelps) {
  const Result<RowList> tasks =
      RowList::Load(built_.work(), built_.plan().shards[0]);
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
