#include "pipeline/run/plan_change.h"

#include <algorithm>
#include <compare>
#include <string>
#include <vector>

#include "io/hash.h"
#include "store/plan/plan_row.h"

namespace melmill {
namespace {

// One line of a plan, whatever its place.
struct LineHash {
  uint64_t audio = 0;    // hash of split name and audio string
  uint64_t content = 0;  // hash of all that is stored of it

  friend auto operator<=>(const LineHash&, const LineHash&) = default;
};

LineHash HashLine(const std::string& split, const PlanRow& row) {
  Hasher128 hasher;
  hasher.UpdateSized(split);
  hasher.UpdateSized(row.audio);
  LineHash hash;
  hash.audio = First64(hasher.Digest());
  HashRowContent(row, &hasher);
  hash.content = First64(hasher.Digest());
  return hash;
}

Result<std::vector<LineHash>> HashLines(const Plan& plan) {
  std::vector<LineHash> hashes;
  const TableReader& rows = *plan.rows;
  hashes.reserve(static_cast<size_t>(rows.num_rows()));
  const Result<void> visited = ForEachPlanRow(
      rows, 0, rows.num_rows(),
      [&](uint64_t, const PlanRow& row) -> Result<void> {
        if (row.split >= plan.split_names.size()) {
          return Error{ErrorCode::kMachineFault, "the stored plan is damaged"};
        }
        hashes.push_back(HashLine(plan.split_names[row.split], row));
        return {};
      });
  if (!visited.ok()) return visited.error();
  std::sort(hashes.begin(), hashes.end());
  return hashes;
}

// Walks two sorted lists, one audio string at a time, and counts what became of
// its lines.
class LineMatcher {
 public:
  LineMatcher(const std::vector<LineHash>& old_lines,
              const std::vector<LineHash>& new_lines)
      : old_(old_lines), new_(new_lines) {}

  void Count(PlanChange* change) {
    while (old_at_ < old_.size() || new_at_ < new_.size()) {
      CountAudio(NextAudio(), change);
    }
  }

 private:
  uint64_t NextAudio() const {
    if (old_at_ == old_.size()) return new_[new_at_].audio;
    if (new_at_ == new_.size()) return old_[old_at_].audio;
    return std::min(old_[old_at_].audio, new_[new_at_].audio);
  }

  void CountAudio(uint64_t audio, PlanChange* change) {
    uint64_t only_old = 0;
    uint64_t only_new = 0;
    const auto has = [audio](const std::vector<LineHash>& lines, size_t at) {
      return at < lines.size() && lines[at].audio == audio;
    };
    while (has(old_, old_at_) || has(new_, new_at_)) {
      if (!has(new_, new_at_) ||
          (has(old_, old_at_) &&
           old_[old_at_].content < new_[new_at_].content)) {
        ++only_old;
        ++old_at_;
      } else if (!has(old_, old_at_) ||
                 new_[new_at_].content < old_[old_at_].content) {
        ++only_new;
        ++new_at_;
      } else {
        ++old_at_;
        ++new_at_;
      }
    }
    const uint64_t changed = std::min(only_old, only_new);
    change->changed.count += changed;
    change->num_gone += only_old - changed;
    change->num_added += only_new - changed;
  }

  const std::vector<LineHash>& old_;
  const std::vector<LineHash>& new_;
  size_t old_at_ = 0;
  size_t new_at_ = 0;
};

// Finds the first lines whose audio string is old and whose content is new.
Result<void> FindExamples(const std::vector<LineHash>& old_lines,
                          const Plan& plan,
                          std::vector<Tally::Example>* examples) {
  return VisitPlanRows(
      *plan.rows, 0, plan.rows->num_rows(),
      [&](uint64_t, const PlanRow& row) -> Result<Visiting> {
        const std::string& split = plan.split_names[row.split];
        const LineHash line = HashLine(split, row);
        const auto at = std::lower_bound(old_lines.begin(), old_lines.end(),
                                         LineHash{.audio = line.audio});
        const bool is_old = at != old_lines.end() && at->audio == line.audio;
        if (is_old && !std::binary_search(at, old_lines.end(), line)) {
          examples->push_back(
              {.split = split,
               .line = row.line,
               .audio = row.audio,
               .message =
                   row.is_planned() ? "" : "rejected now: " + row.message});
        }
        return examples->size() < Tally::kMaxExamples ? Visiting::kGoOn
                                                      : Visiting::kEnough;
      });
}

}  // namespace

Result<PlanChange> ComparePlans(const Plan& old_plan, const Plan& plan) {
  const auto old_lines = HashLines(old_plan);
  if (!old_lines.ok()) return old_lines.error();
  const auto new_lines = HashLines(plan);
  if (!new_lines.ok()) return new_lines.error();
  PlanChange change;
  LineMatcher(old_lines.value(), new_lines.value()).Count(&change);
  if (change.changed.count > 0) {
    const Result<void> found =
        FindExamples(old_lines.value(), plan, &change.changed.examples);
    if (!found.ok()) return found.error();
  }
  change.is_reordered =
      change.num_added + change.num_gone + change.changed.count == 0 &&
      old_plan.fingerprint != plan.fingerprint;
  for (const std::string& split : old_plan.split_names) {
    if (std::find(plan.split_names.begin(), plan.split_names.end(), split) ==
        plan.split_names.end()) {
      change.gone_splits.push_back(split);
    }
  }
  return change;
}

}  // namespace melmill
