#ifndef MELMILL_PIPELINE_INPUT_COPIED_AUDIO_H_
#define MELMILL_PIPELINE_INPUT_COPIED_AUDIO_H_

#include <cstdint>
#include <map>
#include <vector>

#include "io/hash.h"
#include "io/result.h"
#include "pipeline/plan/plan_report.h"
#include "pipeline/plan/tally.h"
#include "store/plan/plan.h"

namespace melmill {

// Finds stored rows whose files are different ones with the same samples. Takes
// 16 bytes of memory for each row.
class CopiedAudio {
 public:
  // Adds a stored row of the plan: the checksum of its samples, and the row's
  // PieceIdentity. Row numbers must increase.
  void Add(uint64_t row_number, const Hash128& source_checksum,
           uint64_t identity);

  // Adds kCopiedAudio and kCopyLeak to the warnings. Call it once, after all
  // rows were added. `splits` are the plan's. Error: kMachineFault.
  Result<void> Tell(const Plan& plan, const std::vector<SplitReport>& splits,
                    std::map<Warning, Tally>* warnings);

 private:
  struct Row {
    uint64_t checksum = 0;  // the first half
    uint32_t number = 0;
    uint32_t identity = 0;  // the lower half; compared among equal checksums
  };
  class Teller;

  std::vector<Row> rows_;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_INPUT_COPIED_AUDIO_H_
