#include "pipeline/plan/repeated_audio.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "pipeline/plan/read_source.h"
#include "pipeline/plan/tally.h"
#include "store/plan/plan_row.h"

namespace melmill {

// Keeps the files that occur more than once.
void RepeatedAudio::KeepRepeated() {
  std::sort(identities_.begin(), identities_.end());
  std::vector<uint64_t> repeated;
  for (size_t i = 1; i < identities_.size(); ++i) {
    if (identities_[i] == identities_[i - 1] &&
        (repeated.empty() || repeated.back() != identities_[i])) {
      repeated.push_back(identities_[i]);
    }
  }
  identities_.swap(repeated);
}

Result<void> RepeatedAudio::Tell(const TableReader& rows,
                                 const PlannedFiles& files,
                                 PlanReport* report) {
  KeepRepeated();
  if (identities_.empty()) return {};
  std::vector<uint32_t> first_split(identities_.size(), UINT32_MAX);
  std::vector<uint32_t> last_split(identities_.size(), UINT32_MAX);
  return ForEachPlannedRow(
      rows, files,
      [&](uint64_t, const PlanRow& row,
          const PlannedFile& file) -> Result<void> {
        const uint64_t identity = PieceIdentity(file.identity, row.source);
        const auto found =
            std::lower_bound(identities_.begin(), identities_.end(), identity);
        if (found == identities_.end() || *found != identity) return {};
        const auto index = static_cast<size_t>(found - identities_.begin());
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
