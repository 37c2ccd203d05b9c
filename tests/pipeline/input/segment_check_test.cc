#include "pipeline/input/segment_check.h"

#include <gtest/gtest.h>

#include <string>

#include "pipeline/setup/setup_error.h"

namespace melmill {
namespace {

// The message for this number of manifests, or "" if they are accepted.
std::string MessageOf(int num_manifests, uint64_t num_segments,
                      SegmentUse use = SegmentUse::kExplicit) {
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
    CheckNoSegments(report, use);
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
            "the manifest names parts of audio files:\n"
            "  0.jsonl: 4 of 9 lines\n"
            "    line 1: a.wav: \"offset\": 1.5\n"
            "    line 2: a.wav: \"offset\": 1.5\n"
            "    line 3: a.wav: \"offset\": 1.5\n"
            "  To cut out these parts (\"start\" with \"end\" or "
            "\"duration\"): --segments. If each file is such a part already, "
            "store WHOLE FILES: --whole-files");
}

TEST(SegmentCheckTest, SaysWhichFieldsSegmentsReads) {
  EXPECT_TRUE(MessageOf(1, 1, SegmentUse::kAll)
                  .ends_with("--segments reads \"start\" with \"end\" or "
                             "\"duration\", in seconds as numbers: rename the "
                             "fields, or store whole files: --whole-files"));
}

TEST(SegmentCheckTest, NamesEightManifests) {
  const std::string message = MessageOf(10, 1);
  EXPECT_NE(message.find("7.jsonl: 1 of 9 lines"), message.npos);
  EXPECT_EQ(message.find("8.jsonl"), message.npos);
  EXPECT_NE(message.find("\n  and 2 more manifests\n"), message.npos);
}

}  // namespace
}  // namespace melmill
