#include "pipeline/input/overlapping_audio.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "store/plan/plan_row.h"
#include "store/table/table_spool.h"
#include "tests/support/temp_folder.h"

namespace melmill {
namespace {

constexpr int64_t kFileSamples = 1000;

// A row of a split: samples [start, end) of a file.
struct Piece {
  uint32_t split = 0;
  uint64_t file = 0;
  int64_t start = 0;
  int64_t end = kFileSamples;

  bool is_whole() const { return start == 0 && end == kFileSamples; }
  bool IsSameAs(const Piece& other) const {
    return file == other.file && start == other.start && end == other.end;
  }
  bool Overlaps(const Piece& other) const {
    return file == other.file && start < other.end && other.start < end;
  }
};

// What is told of a plan with these rows, which are ordered by split.
Tally Tell(const std::vector<Piece>& pieces,
           size_t max_rows_at_once = size_t{1} << 20) {
  const TempFolder folder;
  TableSpool rows(folder.path(), PlanColumns({}));
  PlannedFiles files(folder.path());
  std::vector<uint64_t> sources;
  PlanReport report;
  for (const Piece& piece : pieces) {
    while (report.splits.size() <= piece.split) {
      report.splits.push_back(
          {.name = "s" + std::to_string(report.splits.size())});
    }
    PlanRow row;
    row.split = piece.split;
    row.line = ++report.splits[piece.split].num_lines;
    row.audio = std::to_string(piece.file);
    row.source.header.num_samples = kFileSamples;
    if (!piece.is_whole()) {
      row.source.segment_start = piece.start;
      row.source.segment_num_samples = piece.end - piece.start;
      sources.push_back(piece.file);
    }
    EXPECT_TRUE(AppendPlanRow(row, &rows).ok());
    EXPECT_TRUE(files.Add({.identity = piece.file}).ok());
    PlanRow rejected;  // has no file
    rejected.code = RejectCode::kNotFound;
    EXPECT_TRUE(AppendPlanRow(rejected, &rows).ok());
  }
  EXPECT_TRUE(
      TellOverlaps(rows, files, sources, &report, max_rows_at_once).ok());
  const auto found = report.warnings.find(Warning::kLeak);
  return found == report.warnings.end() ? Tally() : found->second;
}

// The rows that have samples of an earlier split, but no piece of one.
std::vector<size_t> LeaksByDefinition(const std::vector<Piece>& pieces) {
  std::vector<size_t> leaks;
  for (size_t i = 0; i < pieces.size(); ++i) {
    bool overlaps = false;
    bool is_repeated = false;
    for (const Piece& other : pieces) {
      if (other.split >= pieces[i].split) continue;
      overlaps = overlaps || other.Overlaps(pieces[i]);
      is_repeated = is_repeated || other.IsSameAs(pieces[i]);
    }
    if (overlaps && !is_repeated) leaks.push_back(i);
  }
  return leaks;
}

TEST(OverlappingAudioTest, OneCommonSampleIsEnough) {
  EXPECT_EQ(Tell({{0, 1, 100, 200}, {1, 1, 200, 300}, {1, 1, 0, 100}}).count,
            0u);
  const Tally leak = Tell({{0, 1, 100, 200}, {1, 1, 199, 300}});
  EXPECT_EQ(leak.count, 1u);
  ASSERT_EQ(leak.examples.size(), 1u);
  EXPECT_EQ(leak.examples[0].split, "s1");
  EXPECT_EQ(leak.examples[0].line, 1u);
  EXPECT_EQ(leak.examples[0].audio, "1");
  EXPECT_EQ(Tell({{0, 1, 100, 200}, {1, 1, 0, 101}}).count, 1u);
}

TEST(OverlappingAudioTest, OfOtherFilesAndInOneSplitIsNoLeak) {
  EXPECT_EQ(Tell({{0, 1, 0, 9}, {0, 1, 5, 20}, {1, 2, 0, 9}}).count, 0u);
}

TEST(OverlappingAudioTest, AWholeFileOverlapsItsSegments) {
  EXPECT_EQ(Tell({{0, 1}, {1, 1, 7, 9}, {1, 1, 20, 30}}).count, 2u);
  EXPECT_EQ(Tell({{0, 1, 7, 9}, {1, 1}}).count, 1u);
}

TEST(OverlappingAudioTest, TheSamePieceIsToldElsewhere) {
  EXPECT_EQ(Tell({{0, 1, 7, 9}, {1, 1, 7, 9}, {1, 2}}).count, 0u);
  EXPECT_EQ(Tell({{0, 1, 7, 9}, {0, 1, 8, 12}, {1, 1, 7, 9}}).count, 0u);
}

TEST(OverlappingAudioTest, IsTheDefinitionInAnyNumberOfRounds) {
  std::mt19937 random(1);
  const auto draw = [&random](int64_t end) {
    return std::uniform_int_distribution<int64_t>(0, end - 1)(random);
  };
  for (int trial = 0; trial < 40; ++trial) {
    std::vector<Piece> pieces;
    for (uint32_t split = 0; split < 4; ++split) {
      for (int64_t i = draw(12); i >= 0; --i) {
        Piece piece{.split = split, .file = static_cast<uint64_t>(draw(5))};
        piece.start = draw(10) == 0 ? 0 : draw(kFileSamples - 1);
        piece.end = piece.start + 1 +
                    draw(std::min<int64_t>(150, kFileSamples - piece.start));
        if (draw(10) == 0) piece = {.split = split, .file = piece.file};
        pieces.push_back(piece);
        if (draw(5) == 0)
          pieces.back() = pieces[static_cast<size_t>(draw(ssize(pieces)))];
        pieces.back().split = split;
      }
    }
    const std::vector<size_t> leaks = LeaksByDefinition(pieces);
    for (const size_t max_rows_at_once : {1, 7, 1000}) {
      const Tally told = Tell(pieces, max_rows_at_once);
      EXPECT_EQ(told.count, leaks.size());
      ASSERT_EQ(told.examples.size(),
                std::min(leaks.size(), Tally::kMaxExamples));
      for (size_t i = 0; i < told.examples.size(); ++i) {
        EXPECT_EQ(told.examples[i].split,
                  "s" + std::to_string(pieces[leaks[i]].split));
        EXPECT_EQ(told.examples[i].audio,
                  std::to_string(pieces[leaks[i]].file));
      }
    }
  }
}

}  // namespace
}  // namespace melmill
