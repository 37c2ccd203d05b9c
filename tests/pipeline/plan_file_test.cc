#include "pipeline/plan_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "pipeline/plan/plan_builder.h"
#include "pipeline/setup/run_control.h"
#include "store/hdf5/h5_contents.h"
#include "tests/support/corpus.h"

namespace melmill {
namespace {

class PlanFileTest : public testing::Test {
 protected:
  PlanFileTest() {
    corpus_.WriteManifest("train.jsonl", {corpus_.AddWav("a.wav", 5000, 1)});
    RunConfig config = corpus_.Config("out");
    config.input.splits = {{"train", corpus_.Path("train.jsonl")}};
    RunControl control;
    plan_ = BuildPlan(config, corpus_.Path(""), &control).value();
  }

  // Writes the plan with these names of splits, and reads them back.
  std::vector<std::string> NamesBack(const std::vector<std::string>& names) {
    plan_.splits.clear();
    for (const std::string& name : names) {
      plan_.splits.push_back({.name = name});
    }
    const std::string path = corpus_.Path("plan.h5");
    std::filesystem::remove(path);
    const Result<void> written = WritePlanFile(plan_, path);
    EXPECT_TRUE(written.ok()) << written.error().message;
    const Result<StoredPlan> read = ReadPlanFile(path);
    EXPECT_TRUE(read.ok()) << read.error().message;
    return read.ok() ? read.value().split_names : std::vector<std::string>();
  }

  std::string Description() const {
    const auto contents = ReadH5Contents(corpus_.Path("plan.h5"));
    return *contents.value().FindAttribute("description");
  }

  bool HasColumnOfNames() const {
    const auto contents = ReadH5Contents(corpus_.Path("plan.h5"));
    return contents.value().FindDataset("split_name_bytes") != nullptr;
  }

  Corpus corpus_;
  Plan plan_;
};

std::vector<std::string> LongNames(size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) {
    std::string name = std::to_string(i);
    names.push_back(name + std::string(64 - name.size(), 'x'));
  }
  return names;
}

TEST_F(PlanFileTest, ThousandsOfSplitsHaveNames) {
  for (const size_t count : {1u, 976u, 1000u, 5000u}) {
    const std::vector<std::string> names = LongNames(count);
    EXPECT_EQ(NamesBack(names), names) << count;
  }
}

TEST_F(PlanFileTest, NamesAreInTheDescriptionAsLongAsTheyFit) {
  std::vector<std::string> names = LongNames(980);
  size_t longest = 0;
  for (size_t count = 960; count < names.size(); ++count) {
    for (size_t length = 1; length <= 64; length += count > 972 ? 1 : 21) {
      std::vector<std::string> some(names.begin(),
                                    names.begin() + ptrdiff_t(count));
      some.push_back(std::string(length, 'y'));
      ASSERT_EQ(NamesBack(some), some);
      if (HasColumnOfNames()) {
        EXPECT_EQ(Description().find("splits"), std::string::npos);
      } else {
        longest = std::max(longest, Description().size());
      }
    }
  }
  EXPECT_EQ(longest, kMaxAttributeBytes);
}

}  // namespace
}  // namespace melmill
