#ifndef MELMILL_PIPELINE_CARE_AUDIO_CHECK_H_
#define MELMILL_PIPELINE_CARE_AUDIO_CHECK_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/result.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_task.h"
#include "pipeline/setup/run_control.h"
#include "store/damage.h"
#include "store/shard/shard_reader.h"
#include "store/store_index.h"

namespace melmill {

// Computes rows from their audio files again and reports what differs. Keeps
// the features of one row in memory. For one thread.
class RowChecker {
 public:
  // `processor` must live as long.
  explicit RowChecker(const RowComputer& processor)
      : processor_(processor), workspace_(processor) {}

  // How the row differs from `stored`, its entry in the index, when it is
  // computed from its audio now; nothing if it is the same. Errors:
  // kMachineFault.
  Result<std::optional<std::string>> CompareIndex(const RowTask& task,
                                                  const ShardRow& stored);
  // Compares features and tail samples too. `shard` holds the row, which is
  // stored.
  Result<std::optional<std::string>> CompareAll(const RowTask& task,
                                                const ShardReader& shard);
  // Why the file cannot be read as planned, if it cannot.
  Result<std::optional<std::string>> CheckFile(const RowTask& task);

 private:
  Result<ShardRow> Compute(const RowTask& task);

  const RowComputer& processor_;
  RowInput input_;
  RowWorkspace workspace_;
  std::vector<std::byte> features_;  // of the row computed last
};

struct AudioReport {
  std::vector<Damage> differences;
  uint64_t num_rows = 0;  // compared
};

// Compares random stored rows of a complete store (all of them if num_rows is
// not smaller) with what their audio gives now, on all CPUs. `audio_root`: as
// in RunConfig. A row that ends the process leaves a line in the store, if that
// can be written to, and is tried alone by the next call that draws it;
// `control` ends one that hangs. Throws SetupError when this program makes
// other bytes, or plan.h5 cannot be used. Errors: kMachineFault.
Result<AudioReport> CheckAgainstAudio(const std::string& folder,
                                      const StoreIndex& index,
                                      const std::string& audio_root,
                                      uint64_t num_rows, uint64_t seed,
                                      const RunControl& control);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_CARE_AUDIO_CHECK_H_
