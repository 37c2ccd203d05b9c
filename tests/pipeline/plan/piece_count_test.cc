#include "pipeline/plan/piece_count.h"

#include <gtest/gtest.h>

namespace melmill {
namespace {

TEST(PieceCountTest, CountsPiecesAndTheirFiles) {
  PieceCount none;
  EXPECT_EQ(none.CountFiles(), 0u);
  PieceCount count;
  for (const uint64_t file : {7, 3, 7, 7, 9, 3}) count.Add(file);
  EXPECT_EQ(count.num_pieces(), 6u);
  EXPECT_EQ(count.CountFiles(), 3u);
}

}  // namespace
}  // namespace melmill
