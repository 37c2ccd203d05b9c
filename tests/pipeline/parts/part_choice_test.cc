#include "pipeline/parts/part_choice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "pipeline/setup/setup_error.h"

namespace melmill {
namespace {

// A plan of `num_shards` shards, of which the last has the name of the first.
Plan MakePlan(size_t num_shards) {
  Plan plan;
  plan.split_names = {"train"};
  for (size_t i = 0; i < num_shards; ++i) {
    PlannedShard shard;
    shard.fingerprint[0] = static_cast<uint8_t>(i % (num_shards - 1));
    plan.shards.push_back(shard);
  }
  return plan;
}

using Shards = std::vector<size_t>;

TEST(PartChoiceTest, PartsTakeEveryNthShard) {
  const Plan plan = MakePlan(8);
  EXPECT_EQ(PartChoice::OfPart("0/3").Choose(plan), (Shards{0, 3, 6}));
  EXPECT_EQ(PartChoice::OfPart("1/3").Choose(plan), (Shards{1, 4}));
  EXPECT_EQ(PartChoice::OfPart("2/3").Choose(plan), (Shards{2, 5}));
  EXPECT_EQ(PartChoice::OfPart("0/1").Choose(plan),
            (Shards{0, 1, 2, 3, 4, 5, 6}));
}

TEST(PartChoiceTest, PartsCountFromZeroOrFromOne) {
  const Plan plan = MakePlan(8);
  EXPECT_EQ(PartChoice::OfPart("3/3").Choose(plan),
            PartChoice::OfPart("0/3").Choose(plan));
  EXPECT_EQ(PartChoice::OfPart("400/3").Choose(plan),
            PartChoice::OfPart("1/3").Choose(plan));
}

TEST(PartChoiceTest, MorePartsThanShardsLeaveSomeEmpty) {
  const Plan plan = MakePlan(4);
  EXPECT_EQ(PartChoice::OfPart("2/100").Choose(plan), Shards{2});
  EXPECT_EQ(PartChoice::OfPart("50/100").Choose(plan), Shards{});
}

// Two shards with one name are one file, which only one part makes.
TEST(PartChoiceTest, AFileBelongsToItsFirstShard) {
  const Plan plan = MakePlan(4);
  EXPECT_EQ(DistinctShards(plan), (Shards{0, 1, 2}));
  EXPECT_EQ(PartChoice::OfPart("3/4").Choose(plan), Shards{});
}

TEST(PartChoiceTest, NamesShards) {
  const Plan plan = MakePlan(20);
  EXPECT_EQ(PartChoice::OfShards("3").Choose(plan), Shards{3});
  EXPECT_EQ(PartChoice::OfShards("2-4,9,3").Choose(plan), (Shards{2, 3, 4, 9}));
  EXPECT_THROW(PartChoice::OfShards("2-20").Choose(plan), SetupError);
}

TEST(PartChoiceTest, WhatIsMissingNamesShards) {
  for (const Shards& shards : {Shards{}, Shards{7}, Shards{0, 1, 2},
                               Shards{0, 2, 4}, Shards{1, 2, 5, 8, 9, 10}}) {
    if (shards.empty()) {
      EXPECT_EQ(FormatShards(shards), "");
      continue;
    }
    const std::string text = FormatShards(shards);
    EXPECT_EQ(PartChoice::OfShards(text).Choose(MakePlan(20)), shards) << text;
  }
  EXPECT_EQ(FormatShards({1, 2, 5, 8, 9, 10}), "1-2,5,8-10");
}

TEST(PartChoiceTest, RefusesOtherTexts) {
  for (const char* text :
       {"", "/", "3", "3/", "/4", "3/0", "-1/4", "+1/4", "1/-4", " 1/4", "1/4 ",
        "1/4/5", "1.5/4", "a/b", "1/1000000001", "99999999999999999999/4"}) {
    EXPECT_THROW(PartChoice::OfPart(text), SetupError) << text;
  }
  for (const char* text : {"", ",", "1,", ",1", "1-", "-1", "2-1", "1--2", "a",
                           "1 ", "0x1", "99999999999999999999"}) {
    EXPECT_THROW(PartChoice::OfShards(text), SetupError) << text;
  }
}

}  // namespace
}  // namespace melmill
