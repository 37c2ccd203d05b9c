#ifndef MELMILL_PIPELINE_RUN_AUDIO_CHANGE_H_
#define MELMILL_PIPELINE_RUN_AUDIO_CHANGE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/hash.h"
#include "io/result.h"
#include "pipeline/plan/planned_files.h"
#include "pipeline/plan/planned_work.h"
#include "pipeline/plan/tally.h"
#include "pipeline/setup/run_config.h"
#include "pipeline/setup/run_control.h"
#include "store/local_file.h"
#include "store/shard/shard_writer.h"

namespace melmill {

// Finds out whether the audio of existing shards is still the same. A shard's
// name does not tell: it depends only on the headers of the files.

// The rows of a store whose audio must be read again for that.
struct SuspectAudio {
  uint64_t num_rows = 0;
  uint64_t num_bytes = 0;  // bytes of their files
  uint64_t num_all_rows = 0;

  // Whether this is so much that a person must decide: over 1 % of the rows and
  // 10 GB.
  bool is_much() const;
  // The message for that case, with rows, bytes and minutes.
  std::string Describe() const;
};

// The source_checksum of each row of a shard; nothing for rows without one.
using SourceChecksums = std::vector<std::optional<Hash128>>;

struct AudioChange {
  Tally changed;  // rows whose audio differs from their shard's
  // The shards of these rows, as indices into plan.shards, with the checksums
  // of their audio now.
  std::map<size_t, SourceChecksums> shards;
  // Rows about which this machine knows nothing; they are taken as they are.
  uint64_t num_unknown_rows = 0;
};

struct AudioCompareJob {
  PlannedWork work;
  const PlannedFiles& files;  // as planning saw them
  std::string folder;
  const std::map<size_t, ShardWriter::Committed>& shards;  // existing shards
  AudioCheck check = AudioCheck::kTouched;
  int num_io_threads = 16;
  LocalFile* local = nullptr;
  RunControl* control = nullptr;
};

// Compares the files of existing shards with what job.local says about them,
// and reads those that look touched. Files that turn out to be the same are
// recorded in job.local, unless their shard has changed rows. Throws SetupError
// if many files would have to be read and job.check does not say what to do.
// Error: kMachineFault, also (with any message) once
// job.control->stop_requested().
Result<AudioChange> FindChangedAudio(const AudioCompareJob& job);

// Checks that rebuilt shards have the audio that FindChangedAudio found, and
// removes a shard that does not. Error: kMachineFault, also for such a shard.
Result<void> CheckRemadeShards(const PlannedWork& work,
                               const std::string& folder,
                               const AudioChange& change);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_RUN_AUDIO_CHANGE_H_
