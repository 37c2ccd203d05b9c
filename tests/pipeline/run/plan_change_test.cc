#include "pipeline/run/plan_change.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "pipeline/plan/plan_builder.h"
#include "pipeline/setup/run_control.h"
#include "store/plan/plan_file.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

class PlanChangeTest : public testing::Test {
 protected:
  PlanChangeTest() {
    for (const char* name : {"a.wav", "b.wav", "c.wav", "d.wav"}) {
      corpus_.AddWav(name, 16000, 1);
    }
  }

  Plan PlanOf(const std::vector<std::string>& lines) {
    corpus_.WriteManifest("train.jsonl", lines);
    RunConfig config;
    config.input.splits = {{"train", corpus_.Path("train.jsonl")}};
    RunControl control;
    return BuildPlan(config, corpus_.Path(""), &control).value().plan;
  }
  Plan Stored(const Plan& plan) {
    const std::string path = corpus_.Path(std::to_string(num_files_++));
    EXPECT_TRUE(WritePlanFile(plan, path).ok());
    return ReadPlanFile(path).value();
  }

  Corpus corpus_;
  int num_files_ = 0;
};

TEST_F(PlanChangeTest, CountsLinesWhereverTheyStand) {
  const Plan old_plan =
      Stored(PlanOf({corpus_.Line("a.wav"), corpus_.Line("b.wav"),
                     corpus_.Line("b.wav"), corpus_.Line("c.wav")}));
  const Plan plan =
      PlanOf({corpus_.Line("d.wav"), corpus_.Line("c.wav"),
              corpus_.Line("b.wav", "other"), corpus_.Line("b.wav")});
  const PlanChange change = ComparePlans(old_plan, plan).value();
  EXPECT_EQ(change.num_added, 1u);      // d
  EXPECT_EQ(change.num_gone, 1u);       // a
  EXPECT_EQ(change.changed.count, 1u);  // one of the two lines b
  ASSERT_EQ(change.changed.examples.size(), 1u);
  EXPECT_EQ(change.changed.examples[0].line, 3u);
  EXPECT_EQ(change.changed.examples[0].audio, corpus_.Path("b.wav"));
  EXPECT_EQ(change.changed.examples[0].message, "");
  EXPECT_FALSE(change.is_reordered);
}

TEST_F(PlanChangeTest, TheFirstChangedLinesAreNamed) {
  std::vector<std::string> lines;
  for (const char* audio : {"a.wav", "b.wav", "c.wav", "d.wav", "e.wav"}) {
    lines.push_back(corpus_.Line(audio));
  }
  const Plan old_plan = Stored(PlanOf(lines));
  for (size_t i = 1; i < lines.size(); ++i) lines[i].insert(1, "\"x\": 1, ");
  std::filesystem::remove(corpus_.Path("c.wav"));
  const PlanChange change = ComparePlans(old_plan, PlanOf(lines)).value();
  EXPECT_EQ(change.changed.count, 4u);
  ASSERT_EQ(change.changed.examples.size(), 3u);
  EXPECT_EQ(change.changed.examples[0].audio, corpus_.Path("b.wav"));
  EXPECT_EQ(change.changed.examples[0].message, "");
  EXPECT_EQ(change.changed.examples[1].message,
            "rejected now: cannot be opened: No such file or directory");
}

TEST_F(PlanChangeTest, TheSameLinesInAnotherOrderAreReordered) {
  const std::vector<std::string> lines = {corpus_.Line("a.wav"),
                                          corpus_.Line("b.wav")};
  const Plan old_plan = Stored(PlanOf(lines));
  EXPECT_FALSE(ComparePlans(old_plan, PlanOf(lines)).value().is_reordered);
  const PlanChange change =
      ComparePlans(old_plan, PlanOf({lines[1], lines[0]})).value();
  EXPECT_TRUE(change.is_reordered);
  EXPECT_EQ(change.num_added + change.num_gone + change.changed.count, 0u);
}

TEST_F(PlanChangeTest, ARowOfASplitThatIsNotThereIsAFault) {
  const Plan plan = PlanOf({corpus_.Line("a.wav")});
  Plan old_plan = Stored(plan);
  old_plan.split_names.clear();
  const Result<PlanChange> change = ComparePlans(old_plan, plan);
  ASSERT_FALSE(change.ok());
  EXPECT_EQ(change.error().code, ErrorCode::kMachineFault);
  EXPECT_EQ(change.error().message, "the stored plan is damaged");
}

}  // namespace
}  // namespace melmill
