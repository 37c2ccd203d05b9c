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

// Finds audio strings that planned rows hold more than once: within their
// split, or in another one. Memory: 8 bytes a row.
class RepeatedAudio {
 public:
  // Of a planned row.
  void Add(std::string_view audio) { hashes_.push_back(Xxh3_64(audio)); }

  // Adds kRepeatedAudio and kLeak to the report's warnings, once all rows were
  // added; may be called once. `rows`: of the plan. Errors: kMachineFault.
  Result<void> Tell(const TableReader& rows, PlanReport* report);

 private:
  void KeepRepeated();

  std::vector<uint64_t> hashes_;  // sorted, and each once, after KeepRepeated
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_REPEATED_AUDIO_H_
