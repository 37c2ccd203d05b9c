#include "pipeline/parts/disputes.h"

#include "pipeline/folder/doubts_file.h"
#include "pipeline/folder/machine.h"
#include "pipeline/folder/other_maker.h"

namespace melmill {

void NoteDisputes(const ExtractOutcome& made, const Plan& plan,
                  const std::string& folder, std::vector<std::string>* notes) {
  if (made.disputed.empty()) return;
  const Machine here = ThisMachine();
  for (const auto& [index, error] : made.disputed) {
    const Result<void> written = WriteDispute(
        folder, {.shard = plan.ShardFileName(plan.shards[index]),
                 .message = NameMakers(error, folder, here).message,
                 .machine = here});
    if (!written.ok()) notes->push_back(written.error().message);
  }
}

}  // namespace melmill
