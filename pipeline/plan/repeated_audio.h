#ifndef MELMILL_PIPELINE_PLAN_REPEATED_AUDIO_H_
#define MELMILL_PIPELINE_PLAN_REPEATED_AUDIO_H_

#include <cstdint>
#include <vector>

#include "io/result.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/plan/planned_files.h"
#include "store/table/table.h"

namespace melmill {

// Finds files, and pieces of files, that several planned rows have, within a
// split or across splits, however their paths are spelled. Takes 8 bytes of
// memory for each row.
class RepeatedAudio {
 public:
  // Adds the next planned row: its PieceIdentity.
  void Add(uint64_t identity) { identities_.push_back(identity); }

  // Adds kRepeatedAudio and kLeak to the report's warnings. Call it once, after
  // all rows were added. `rows` and `files` are those of the plan. Error:
  // kMachineFault.
  Result<void> Tell(const TableReader& rows, const PlannedFiles& files,
                    PlanReport* report);

 private:
  void KeepRepeated();

  std::vector<uint64_t> identities_;  // sorted and unique after KeepRepeated
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_REPEATED_AUDIO_H_
