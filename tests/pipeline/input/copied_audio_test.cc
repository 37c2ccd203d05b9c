#include "pipeline/input/copied_audio.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/plan/plan_row.h"
#include "store/table/table_spool.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

// A plan of two splits, "train" with this many rows and "eval".
class CopiedAudioTest : public testing::Test {
 protected:
  static constexpr uint32_t kNumTrain = 100;
  static constexpr uint32_t kNumEval = 20;

  CopiedAudioTest() {
    auto spool = std::make_unique<TableSpool>(folder_.path(), PlanColumns({}));
    for (uint32_t i = 0; i < kNumTrain + kNumEval; ++i) {
      PlanRow row;
      row.split = i < kNumTrain ? 0 : 1;
      row.line = 1 + (i < kNumTrain ? i : i - kNumTrain);
      row.audio = std::to_string(i) + ".wav";
      EXPECT_TRUE(AppendPlanRow(row, spool.get()).ok());
    }
    plan_.split_names = {"train", "eval"};
    plan_.rows = std::move(spool);
    splits_ = {{.name = "train", .num_lines = kNumTrain},
               {.name = "eval", .num_lines = kNumEval}};
  }

  void Add(uint32_t row, uint8_t checksum, uint64_t identity) {
    copied_.Add(row, {1, 2, 3, 4, 5, 6, 7, checksum}, identity);
  }

  std::map<Warning, Tally> Tell() {
    std::map<Warning, Tally> warnings;
    EXPECT_TRUE(copied_.Tell(plan_, splits_, &warnings).ok());
    return warnings;
  }

  const TempFolder folder_;
  Plan plan_;
  std::vector<SplitReport> splits_;
  CopiedAudio copied_;
};

TEST_F(CopiedAudioTest, OtherSamplesAndTheSameFileAreNoCopies) {
  EXPECT_TRUE(Tell().empty());
  Add(0, 1, 10);
  Add(1, 2, 11);
  Add(2, 1, 10);
  Add(kNumTrain, 2, 11);
  EXPECT_TRUE(Tell().empty());
}

TEST_F(CopiedAudioTest, CopiesAreToldWithTheirOriginal) {
  Add(0, 1, 10);
  Add(3, 1, 11);
  Add(kNumTrain - 1, 2, 12);
  Add(kNumTrain, 2, 13);      // a leak
  Add(kNumTrain + 1, 2, 14);  // a copy of that one
  Add(kNumTrain + 2, 2, 13);  // a file that is there already
  const auto warnings = Tell();
  ASSERT_EQ(warnings.size(), 2u);
  const Tally& copies = warnings.at(Warning::kCopiedAudio);
  EXPECT_EQ(copies.count, 2u);
  ASSERT_EQ(copies.examples.size(), 2u);
  EXPECT_EQ(copies.examples[0].audio, "3.wav");
  EXPECT_EQ(copies.examples[0].line, 4u);
  EXPECT_EQ(copies.examples[0].message, "train line 1: 0.wav");
  EXPECT_EQ(copies.examples[1].audio, "101.wav");
  const Tally& leaks = warnings.at(Warning::kCopyLeak);
  EXPECT_EQ(leaks.count, 1u);
  EXPECT_EQ(leaks.examples[0].split, "eval");
  EXPECT_EQ(leaks.examples[0].message, "train line 100: 99.wav");
}

TEST_F(CopiedAudioTest, CountsAllAndNamesThree) {
  for (uint32_t row = 0; row < kNumTrain; ++row) Add(row, 1, row);
  const Tally copies = Tell().at(Warning::kCopiedAudio);
  EXPECT_EQ(copies.count, kNumTrain - 1);
  EXPECT_EQ(copies.examples.size(), Tally::kMaxExamples);
}

}  // namespace
}  // namespace melmill
