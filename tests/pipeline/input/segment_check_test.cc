#include "pipeline/input/segment_check.h"

#include <gtest/gtest.h>

#include <string>

#include "pipeline/setup/setup_error.h"

namespace melmill {
namespace {

// The message for this number of manifests, or "" if they are accepted.
std::string MessageOf(int num_manifests, uint64_t num_segments) {
  PlanReport report;
  for (int i = 0; i < num_manifests; ++i) {
    SplitReport& split = report.splits.emplace_back();
    split.name = std::to_string(i);
    split.shown = split.name + ".jsonl";
    split.num_lines = 9;
    for (uint64_t line = 1; line <= num_segments; ++line) {
      split.segments.Add({split.name, line, "a.wav", "\"offset\": 1.5"});
    }
  }
  try {
    CheckNoSegments(report);
  } catch (const SetupError& error) {
    return error.what();
  }
  return "";
}

TEST(SegmentCheckTest, WholeFilesAreAccepted) {
  EXPECT_EQ(MessageOf(2, 0), "");
}

TEST(SegmentCheckTest, NamesCountExamplesAndTheFlagThatGoesOn) {
  EXPECT_EQ(MessageOf(1, 4),
            "the manifest names parts of audio files, and melmill stores WHOLE "
            "FILES:\n"
            "  0.jsonl: 4 of 9 lines\n"
            "    line 1: a.wav: \"offset\": 1.5\n"
            "    line 2: a.wav: \"offset\": 1.5\n"
            "    line 3: a.wav: \"offset\": 1.5\n"
            "  Cut the files into one file for each line, or store whole files "
            "anyway: --whole-files");
}

TEST(SegmentCheckTest, NamesEightManifests) {
  const std::string message = MessageOf(10, 1);
  EXPECT_NE(message.find("7.jsonl: 1 of 9 lines"), message.npos);
  EXPECT_EQ(message.find("8.jsonl"), message.npos);
  EXPECT_NE(message.find("\n  and 2 more manifests\n"), message.npos);
}

}  // namespace
}  // namespace melmill
