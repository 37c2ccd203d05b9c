#ifndef MELMILL_PIPELINE_PLAN_REPEATED_AUDIO_H_
#define MELMILL_PIPELINE_PLAN_REPEATED_AUDIO_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "io/hash.h"
#include "io/result.h"
#include "pipeline/plan/plan_report.h"
#include "store/table/table.h"

namespace melmill {

// Finds audio strings that several planned rows have, within a split or across
// splits. Takes 8 bytes of memory for each row.
class RepeatedAudio {
 public:
  // Adds the audio string of a planned row.
  void Add(std::string_view audio) { hashes_.push_back(Xxh3_64(audio)); }

  // Adds kRepeatedAudio and kLeak to the report's warnings. Call it once, after
  // all rows were added. `rows` are those of the plan. Error: kMachineFault.
  Result<void> Tell(const TableReader& rows, PlanReport* report);

 private:
  void KeepRepeated();

  std::vector<uint64_t> hashes_;  // sorted and unique after KeepRepeated
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_REPEATED_AUDIO_H_
