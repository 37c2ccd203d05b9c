#ifndef MELMILL_PIPELINE_PARTS_PART_CHOICE_H_
#define MELMILL_PIPELINE_PARTS_PART_CHOICE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/lines/part_number.h"
#include "store/plan/plan.h"

namespace melmill {

// Which shards of a plan a process tries to make. It is a preference, not a
// claim: others may make the same shards at the same time.
class PartChoice {
 public:
  // "i/N", as ParsePart reads it: every Nth shard.
  static PartChoice OfPart(std::string_view text);
  // "A-B,C": ranges of shard numbers, which begin at 0. Throws SetupError for
  // any other text.
  static PartChoice OfShards(std::string_view text);

  // The chosen indices into plan.shards, in order; of shards with one file name
  // only the first. Throws SetupError if the plan has fewer shards than were
  // named.
  std::vector<size_t> Choose(const Plan& plan) const;

  // "part 3/100", or "shards A-B,C".
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::optional<PartNumber> part_;                     // or
  std::vector<std::pair<uint64_t, uint64_t>> ranges_;  // first and last
};

// The indices into plan.shards, of shards with one file name only the first.
std::vector<size_t> DistinctShards(const Plan& plan);

// Those of `shards` whose files are not among `names`, which are sorted.
std::vector<size_t> MissingShards(std::vector<size_t> shards, const Plan& plan,
                                  const std::vector<std::string>& names);

// Shard numbers in increasing order, as OfShards reads them.
std::string FormatShards(const std::vector<size_t>& shards);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PARTS_PART_CHOICE_H_
