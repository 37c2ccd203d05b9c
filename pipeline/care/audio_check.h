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

// Computes rows again from their audio files and reports what differs. Keeps
// the features of one row in memory. For one thread.
class RowChecker {
 public:
  // `processor` must outlive the checker.
  explicit RowChecker(const RowComputer& processor)
      : processor_(processor), workspace_(processor) {}

  // Computes the row from its audio and returns how it differs from `stored`,
  // its entry in the index; nothing if it is the same. Error: kMachineFault.
  Result<std::optional<std::string>> CompareIndex(const RowTask& task,
                                                  const ShardRow& stored);
  // Also compares features and tail samples. `shard` holds the row, which must
  // be stored.
  Result<std::optional<std::string>> CompareAll(const RowTask& task,
                                                const ShardReader& shard);
  // Returns why the file cannot be read as planned, or nothing if it can.
  // Error: kMachineFault.
  Result<std::optional<std::string>> CheckFile(const RowTask& task);

 private:
  Result<ShardRow> Compute(const RowTask& task);

  const RowComputer& processor_;
  RowInput input_;
  RowWorkspace workspace_;
  std::vector<std::byte> features_;  // features of the last row computed
};

struct MissingAudio {
  std::string audio;         // as the manifest has it
  std::string written_path;  // of the file, as the manifest has it
  std::string path;          // where it was looked for
};

struct AudioReport {
  std::vector<Damage> differences;
  uint64_t num_rows = 0;  // rows compared
  // The first row's file, if no row's file exists. Nothing differs then.
  std::optional<MissingAudio> missing;
};

// Compares random stored rows of a complete store with what their audio gives
// now, on all CPUs. Compares all rows if num_rows is not smaller than their
// number. `audio_root` is as in RunConfig. A row that ends the process leaves a
// line in the store, if the store is writable; the next call that draws the row
// tries it alone. A row that hangs ends the process through `control`. Throws
// SetupError if this program makes other bytes or cannot use plan.h5. Error:
// kMachineFault.
Result<AudioReport> CheckAgainstAudio(const std::string& folder,
                                      const StoreIndex& index,
                                      const std::string& audio_root,
                                      uint64_t num_rows, uint64_t seed,
                                      const RunControl& control);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_CARE_AUDIO_CHECK_H_
