#ifndef MELMILL_PIPELINE_PLAN_DECODE_COST_H_
#define MELMILL_PIPELINE_PLAN_DECODE_COST_H_

#include <cstdint>
#include <vector>

#include "io/result.h"
#include "pipeline/plan/planned_files.h"
#include "store/plan/plan.h"

namespace melmill {

// What the segments of coded files cost. A file is decoded from its beginning
// to the end of its last segment, once in each shard that has segments of it.
// Times are those of the sound, in seconds.
struct DecodeCost {
  uint64_t num_segments = 0;
  double segment_s = 0;  // in all segments
  double decoded_s = 0;  // decoded for them
  // About what would be decoded if the rows were sorted by file and start. More
  // than once each file, since a shard may end within a file.
  double sorted_s = 0;
  double processor_s = 0;  // DecodeSeconds of what is decoded
  uint64_t num_files_decoded_again = 0;

  // Whether sorting the rows would save a good part of the decoding.
  bool is_spread() const { return decoded_s > 1.5 * sorted_s; }
};

// Counts for all rows of a plan that has its shards. `sources` has
// PlannedFile::identity of each planned row that is a segment, in any order.
// Takes 12 bytes of memory for each of these rows at most, and some for the
// files of one shard. Reads the plan once. Error: kMachineFault.
Result<DecodeCost> CountDecodes(const Plan& plan, const PlannedFiles& files,
                                uint64_t bytes_per_frame,
                                std::vector<uint64_t> sources);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_DECODE_COST_H_
