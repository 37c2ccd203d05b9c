#ifndef MELMILL_PIPELINE_EXTRACT_EXTRACT_H_
#define MELMILL_PIPELINE_EXTRACT_EXTRACT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
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

// A shard that replaces a damaged one.
struct Replacement {
  // The checksum that the file's bytes outside the features must have.
  // Otherwise the file gets no name.
  uint64_t checksum = 0;
  uint64_t num_bytes = 0;  // size of the file, which tells whether it has peaks
  std::optional<FileIdentity> damaged;  // the damaged file, if it exists
};

// A row that cannot be read here, in the last attempt either.
struct Doubt {
  size_t shard = 0;  // the row's
  const RowTask& task;
  const Error& error;  // one for which MayBeMachineFault is true
};

struct ExtractJob {
  PlannedWork work;
  const RowComputer& processor;
  std::vector<size_t> shards;  // indices into work.plan.shards: what to make
  std::string folder;          // the store's folder, which must exist
  int num_threads = 1;         // threads that compute
  int num_io_threads = 16;     // threads that wait for the disk
  // Memory for the rows in work, by their planned cost, and for what is kept
  // from row to row. One row may always be in work.
  uint64_t max_bytes_in_flight = uint64_t{448} << 20;
  RunControl* control = nullptr;
  Quarantine quarantine = {};  // rows to reject unread
  LocalFile* local = nullptr;  // records each shard's files, if not null
  std::map<size_t, Replacement> replacements = {};  // for some of the shards
  // Asked, one call at a time, before a row is rejected for a reason that this
  // machine may cause. If it returns false, the row's shard is dropped once it
  // was asked about all such rows of it. If it is null, these are rejected.
  std::function<bool(const Doubt& doubt)> may_reject = nullptr;
};

struct ExtractOutcome {
  std::map<size_t, ShardWriter::Committed> committed;  // by shard
  uint64_t num_stored = 0;  // rows of this call, even of uncommitted shards
  uint64_t num_rejected = 0;
  size_t num_dropped = 0;  // shards, because of ExtractJob::may_reject
  // The error that ended the run early. Without it and without a stop signal,
  // every shard of the job is committed or dropped. After a signal no shard is
  // begun, and Extract completes those shards in work that fit into
  // RunControl::grace.
  std::optional<Error> fault;
  // By shard: another process made it with other bytes. Each such error is a
  // fault. Only from Extract.
  std::map<size_t, Error> disputed;
  Telemetry telemetry;  // only from Extract
};

// The number of files that Extract may have open at once, for these fields of a
// job that makes `num_shards` shards.
size_t MaxOpenFilesOfExtract(int num_threads, int num_io_threads,
                             uint64_t max_bytes_in_flight, size_t num_shards);

// Makes shards with a oneTBB flow graph. Shards are begun in order; their rows
// are computed in any order on all threads. Memory is bounded, and every row is
// accounted for.
ExtractOutcome Extract(const ExtractJob& job);

// Does the same in a plain loop on the calling thread. It is the oracle: its
// shards have the same bytes.
ExtractOutcome ExtractSerial(const ExtractJob& job);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_EXTRACT_EXTRACT_H_
