#include "pipeline/input/copied_audio.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <utility>

#include "io/manifest/utf8.h"
#include "store/plan/plan_row.h"

namespace melmill {
namespace {

Result<Tally::Example> PlaceOf(const Plan& plan, uint64_t row_number) {
  Tally::Example place;
  const Result<void> visited = ForEachPlanRow(
      *plan.rows, row_number, row_number + 1,
      [&](uint64_t, const PlanRow& row) -> Result<void> {
        place = {plan.split_names[row.split], row.line, row.audio, ""};
        return {};
      });
  if (!visited.ok()) return visited.error();
  return place;
}

}  // namespace

// Goes through rows with one checksum at a time.
class CopiedAudio::Teller {
 public:
  Teller(const Plan& plan, const std::vector<SplitReport>& splits,
         std::map<Warning, Tally>* warnings)
      : plan_(plan), warnings_(warnings) {
    uint64_t end = 0;
    for (const SplitReport& split : splits) {
      end += split.num_lines;
      split_ends_.push_back(end);
    }
  }

  // `rows` have one checksum and are ordered by number.
  Result<void> Tell(std::span<const Row> rows) {
    std::set<uint32_t> files = {rows[0].identity};
    size_t last_split = SplitOf(rows[0]);
    for (const Row& row : rows.subspan(1)) {
      // RepeatedAudio tells further rows of one file.
      if (!files.insert(row.identity).second) continue;
      const bool is_leak = SplitOf(row) != last_split;
      last_split = SplitOf(row);
      Tally& tally =
          (*warnings_)[is_leak ? Warning::kCopyLeak : Warning::kCopiedAudio];
      const Result<void> told = AddTo(&tally, row, rows[0]);
      if (!told.ok()) return told;
    }
    return {};
  }

 private:
  size_t SplitOf(const Row& row) const {
    return static_cast<size_t>(
        std::upper_bound(split_ends_.begin(), split_ends_.end(), row.number) -
        split_ends_.begin());
  }

  Result<void> AddTo(Tally* tally, const Row& copy, const Row& original) {
    if (tally->examples.size() == Tally::kMaxExamples) {
      ++tally->count;
      return {};
    }
    Result<Tally::Example> example = PlaceOf(plan_, copy.number);
    if (!example.ok()) return example.error();
    const Result<Tally::Example> other = PlaceOf(plan_, original.number);
    if (!other.ok()) return other.error();
    example.value().message =
        fmt::format("{} line {}: {}", other.value().split, other.value().line,
                    Quotable(other.value().audio));
    tally->Add(example.value());
    return {};
  }

  const Plan& plan_;
  std::map<Warning, Tally>* warnings_;
  std::vector<uint64_t> split_ends_;  // row numbers
};

void CopiedAudio::Add(uint64_t row_number, const Hash128& source_checksum,
                      uint64_t identity) {
  if (row_number > std::numeric_limits<uint32_t>::max()) return;
  rows_.push_back({First64(source_checksum), static_cast<uint32_t>(row_number),
                   static_cast<uint32_t>(identity)});
}

Result<void> CopiedAudio::Tell(const Plan& plan,
                               const std::vector<SplitReport>& splits,
                               std::map<Warning, Tally>* warnings) {
  const auto key = [](const Row& row) {
    return std::pair(row.checksum, row.number);
  };
  std::sort(rows_.begin(), rows_.end(),
            [&key](const Row& a, const Row& b) { return key(a) < key(b); });
  Teller teller(plan, splits, warnings);
  size_t first = 0;
  for (size_t end = 1; end <= rows_.size(); ++end) {
    if (end < rows_.size() && rows_[end].checksum == rows_[first].checksum) {
      continue;
    }
    const auto group = std::span(rows_).subspan(first, end - first);
    const bool are_copies = std::any_of(
        group.begin(), group.end(),
        [&group](const Row& row) { return row.identity != group[0].identity; });
    if (are_copies) {
      const Result<void> told = teller.Tell(group);
      if (!told.ok()) return told;
    }
    first = end;
  }
  return {};
}

}  // namespace melmill
