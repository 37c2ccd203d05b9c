#include "pipeline/plan/repeated_audio.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "io/hash.h"
#include "pipeline/plan/tally.h"
#include "store/plan/plan_row.h"

namespace melmill {

// Keeps the hashes of audio strings that occur more than once.
void RepeatedAudio::KeepRepeated() {
  std::sort(hashes_.begin(), hashes_.end());
  std::vector<uint64_t> repeated;
  for (size_t i = 1; i < hashes_.size(); ++i) {
    if (hashes_[i] == hashes_[i - 1] &&
        (repeated.empty() || repeated.back() != hashes_[i])) {
      repeated.push_back(hashes_[i]);
    }
  }
  hashes_.swap(repeated);
}

Result<void> RepeatedAudio::Tell(const TableReader& rows, PlanReport* report) {
  KeepRepeated();
  if (hashes_.empty()) return {};
  std::vector<uint32_t> first_split(hashes_.size(), UINT32_MAX);
  std::vector<uint32_t> last_split(hashes_.size(), UINT32_MAX);
  return ForEachPlanRow(
      rows, 0, rows.num_rows(),
      [&](uint64_t, const PlanRow& row) -> Result<void> {
        if (!row.is_planned()) return {};
        const uint64_t hash = Xxh3_64(row.audio);
        const auto found =
            std::lower_bound(hashes_.begin(), hashes_.end(), hash);
        if (found == hashes_.end() || *found != hash) return {};
        const auto index = static_cast<size_t>(found - hashes_.begin());
        const std::string& name = report->splits[row.split].name;
        Tally::Example example = {name, row.line, row.audio, ""};
        if (last_split[index] == row.split) {
          report->warnings[Warning::kRepeatedAudio].Add(example);
        } else if (first_split[index] != UINT32_MAX) {
          example.message = report->splits[first_split[index]].name;
          report->warnings[Warning::kLeak].Add(example);
        } else {
          first_split[index] = row.split;
        }
        last_split[index] = row.split;
        return {};
      });
}

}  // namespace melmill
