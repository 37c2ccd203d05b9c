#ifndef MELMILL_PIPELINE_VIEW_STORE_PROGRESS_H_
#define MELMILL_PIPELINE_VIEW_STORE_PROGRESS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/result.h"
#include "pipeline/folder/doubts_file.h"
#include "store/plan/plan.h"

namespace melmill {

// How far an unfinished store is, whoever makes it. A shard file that is listed
// twice counts once.
struct StoreProgress {
  struct Count {
    uint64_t num_shards = 0;
    uint64_t num_rows = 0;
    uint64_t num_frames = 0;
  };
  Count made;
  Count planned;
  std::vector<size_t> missing;  // indices into plan.shards

  // Files of shards that have no final name yet: those in work, and what dead
  // processes left.
  uint64_t num_temporary = 0;
  uint64_t temporary_bytes = 0;
  std::optional<int64_t> last_write_ns;  // the last time one was written to

  std::vector<DoubtfulRow> doubts;      // of missing shards
  std::vector<DisputedShard> disputes;  // about shards that were made
  bool has_job = false;                 // it was planned for parts
};

// Lists the folder once; reads no shard. Error: kMachineFault.
Result<StoreProgress> FindProgress(const std::string& folder, const Plan& plan);

// The number of shards that were made and whose files in the folder are copies
// that lack their features. Reads a few bytes of each.
uint64_t CountWithoutFeatures(const std::string& folder, const Plan& plan,
                              const StoreProgress& progress);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_VIEW_STORE_PROGRESS_H_
