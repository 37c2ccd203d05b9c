#include "pipeline/input/overlapping_audio.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <tuple>

#include "pipeline/plan/tally.h"
#include "store/plan/plan_row.h"

namespace melmill {
namespace {

// The samples [start, end) of a file that a row has.
struct Piece {
  uint32_t source = 0;  // number of its file
  uint32_t split = 0;
  int64_t start = 0;
  int64_t end = 0;
  uint64_t row = 0;

  bool IsSameAs(const Piece& other) const {
    return source == other.source && start == other.start && end == other.end;
  }
};

// Samples of one file, as intervals that do not touch.
class Covered {
 public:
  bool Overlaps(int64_t start, int64_t end) const {
    const auto after = ends_.lower_bound(end);
    return after != ends_.begin() && std::prev(after)->second > start;
  }
  void Add(int64_t start, int64_t end) {
    auto next = ends_.upper_bound(start);
    if (next != ends_.begin() && std::prev(next)->second >= start) --next;
    while (next != ends_.end() && next->first <= end) {
      start = std::min(start, next->first);
      end = std::max(end, next->second);
      next = ends_.erase(next);
    }
    ends_.emplace(start, end);
  }
  void Clear() { ends_.clear(); }

 private:
  std::map<int64_t, int64_t> ends_;  // by start
};

class OverlapTeller {
 public:
  OverlapTeller(const TableReader& rows, const PlannedFiles& files,
                std::vector<uint64_t> sources)
      : rows_(rows), files_(files), sources_(std::move(sources)) {
    std::sort(sources_.begin(), sources_.end());
    sources_.erase(std::unique(sources_.begin(), sources_.end()),
                   sources_.end());
    uses_.resize(sources_.size());
  }

  Result<void> Tell(size_t max_rows_at_once, PlanReport* report) {
    Result<void> done = CountUses();
    if (done.ok()) {
      const uint32_t num_rounds = SetRounds(max_rows_at_once);
      for (uint32_t round = 1; round <= num_rounds && done.ok(); ++round) {
        done = TellRound(round);
      }
    }
    if (done.ok()) done = AddTo(report);
    return done;
  }

 private:
  struct Use {
    uint32_t num_rows = 0;
    uint32_t split = 0;  // of the first row
    uint32_t round = 0;  // in which its rows are compared; 0 for none
  };

  // The number of a row's file, if it has segments.
  std::optional<uint32_t> SourceOf(const PlannedFile& file) const {
    const auto found =
        std::lower_bound(sources_.begin(), sources_.end(), file.identity);
    if (found == sources_.end() || *found != file.identity) return {};
    return static_cast<uint32_t>(found - sources_.begin());
  }

  // Until SetRounds, a round of 1 says that several splits have the file.
  Result<void> CountUses() {
    return ForEachPlannedRow(rows_, files_,
                             [this](uint64_t, const PlanRow& row,
                                    const PlannedFile& file) -> Result<void> {
                               const auto source = SourceOf(file);
                               if (!source) return {};
                               Use& use = uses_[*source];
                               if (use.num_rows++ == 0) use.split = row.split;
                               if (use.split != row.split) use.round = 1;
                               return {};
                             });
  }

  // Returns the number of rounds.
  uint32_t SetRounds(size_t max_rows_at_once) {
    uint32_t round = 0;
    size_t num_rows = max_rows_at_once;
    for (Use& use : uses_) {
      if (use.round == 0) continue;
      if (round == 0 || num_rows + use.num_rows > max_rows_at_once) {
        ++round;
        num_rows = 0;
      }
      num_rows += use.num_rows;
      use.round = round;
    }
    return round;
  }

  Result<void> TellRound(uint32_t round) {
    std::vector<Piece> pieces;
    const Result<void> visited = ForEachPlannedRow(
        rows_, files_,
        [&](uint64_t number, const PlanRow& row,
            const PlannedFile& file) -> Result<void> {
          const auto source = SourceOf(file);
          if (!source || uses_[*source].round != round) return {};
          const int64_t start = row.source.segment_start;
          pieces.push_back({.source = *source,
                            .split = row.split,
                            .start = start,
                            .end = start + row.source.own_num_samples(),
                            .row = number});
          return {};
        });
    if (!visited.ok()) return visited;
    Compare(WithoutRepeats(std::move(pieces)));
    return {};
  }

  // Leaves out rows with the piece of an earlier split.
  static std::vector<Piece> WithoutRepeats(std::vector<Piece> pieces) {
    const auto key = [](const Piece& piece) {
      return std::tuple(piece.source, piece.start, piece.end, piece.row);
    };
    std::sort(pieces.begin(), pieces.end(),
              [&](const Piece& a, const Piece& b) { return key(a) < key(b); });
    size_t num_kept = 0;
    Piece first;
    for (size_t i = 0; i < pieces.size(); ++i) {
      const Piece piece = pieces[i];
      if (i == 0 || !piece.IsSameAs(first)) first = piece;
      if (piece.split == first.split) pieces[num_kept++] = piece;
    }
    pieces.resize(num_kept);
    return pieces;
  }

  // Adds the rows that overlap with earlier splits.
  void Compare(std::vector<Piece> pieces) {
    const auto key = [](const Piece& piece) {
      return std::tuple(piece.source, piece.split, piece.row);
    };
    std::sort(pieces.begin(), pieces.end(),
              [&](const Piece& a, const Piece& b) { return key(a) < key(b); });
    Covered covered;  // by earlier splits
    for (size_t first = 0, end = 0; first < pieces.size(); first = end) {
      const Piece& one = pieces[first];
      if (first == 0 || pieces[first - 1].source != one.source) covered.Clear();
      while (end < pieces.size() && pieces[end].source == one.source &&
             pieces[end].split == one.split) {
        ++end;
      }
      const auto split = std::span(pieces).subspan(first, end - first);
      for (const Piece& piece : split) {
        if (covered.Overlaps(piece.start, piece.end)) AddLeak(piece.row);
      }
      for (const Piece& piece : split) covered.Add(piece.start, piece.end);
    }
  }

  void AddLeak(uint64_t row) {
    ++num_leaks_;
    first_leaks_.insert(
        std::upper_bound(first_leaks_.begin(), first_leaks_.end(), row), row);
    if (first_leaks_.size() > Tally::kMaxExamples) first_leaks_.pop_back();
  }

  Result<void> AddTo(PlanReport* report) const {
    if (num_leaks_ == 0) return {};
    Tally& tally = report->warnings[Warning::kLeak];
    for (const uint64_t leak : first_leaks_) {
      const Result<void> visited =
          ForEachPlanRow(rows_, leak, leak + 1,
                         [&](uint64_t, const PlanRow& row) -> Result<void> {
                           tally.Add({report->splits[row.split].name, row.line,
                                      row.audio, ""});
                           return {};
                         });
      if (!visited.ok()) return visited;
    }
    tally.count += num_leaks_ - first_leaks_.size();
    return {};
  }

  const TableReader& rows_;
  const PlannedFiles& files_;
  std::vector<uint64_t> sources_;  // sorted, each once
  std::vector<Use> uses_;          // of each of them
  uint64_t num_leaks_ = 0;
  std::vector<uint64_t> first_leaks_;  // the smallest row numbers
};

}  // namespace

Result<void> TellOverlaps(const TableReader& rows, const PlannedFiles& files,
                          std::vector<uint64_t> sources, PlanReport* report,
                          size_t max_rows_at_once) {
  if (sources.empty() || report->splits.size() < 2) return {};
  return OverlapTeller(rows, files, std::move(sources))
      .Tell(max_rows_at_once, report);
}

}  // namespace melmill
