#ifndef MELMILL_PIPELINE_EXTRACT_EXTRACT_H_
#define MELMILL_PIPELINE_EXTRACT_EXTRACT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/file/name_change.h"
#include "io/result.h"
#include "pipeline/extract/telemetry.h"
#include "pipeline/plan/planned_work.h"
#include "pipeline/row/row_computer.h"
#include "pipeline/row/row_task.h"
#include "pipeline/setup/run_control.h"
#include "store/local_file.h"
#include "store/shard/shard_writer.h"

namespace melmill {

// A shard that takes the place of a damaged one.
struct Replacement {
  // What the file's bytes outside the features must have, or it gets no name.
  uint64_t checksum = 0;
  std::optional<FileIdentity> damaged;  // if it is there
};

struct ExtractJob {
  PlannedWork work;
  const RowComputer& processor;
  std::vector<size_t> shards;  // of work.plan.shards: what to make
  std::string folder;          // of the store; exists
  int num_threads = 1;         // that compute
  int num_io_threads = 16;     // that wait for the disk
  // For the rows in work, by their planned cost, and what is kept from row to
  // row; one row may always be in work.
  uint64_t max_bytes_in_flight = uint64_t{448} << 20;
  RunControl* control = nullptr;
  Quarantine quarantine = {};  // rows that are rejected unread
  LocalFile* local = nullptr;  // is told of each shard, if there is one
  std::map<size_t, Replacement> replacements = {};  // of some of the shards
};

struct ExtractOutcome {
  std::map<size_t, ShardWriter::Committed> committed;  // by shard
  uint64_t num_stored = 0;  // rows of this call, in committed shards or not
  uint64_t num_rejected = 0;
  // What ended the run early; without it and without a stop signal every
  // shard of the job is committed. After a signal no shard is begun, and of
  // those in work Extract completes what fits into RunControl::kGrace.
  std::optional<Error> fault;
  Telemetry telemetry;  // of Extract
};

// How many files Extract may have open at once for these fields of a job that
// makes `num_shards` shards.
size_t MaxOpenFilesOfExtract(int num_threads, int num_io_threads,
                             uint64_t max_bytes_in_flight, size_t num_shards);

// Makes shards with a oneTBB flow graph: shard after shard, their rows in any
// order on all threads, memory bounded, every row accounted for.
ExtractOutcome Extract(const ExtractJob& job);

// The same as a plain loop on the calling thread: the oracle. The shards it
// makes are the same bytes.
ExtractOutcome ExtractSerial(const ExtractJob& job);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_EXTRACT_EXTRACT_H_
