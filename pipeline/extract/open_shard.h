#ifndef MELMILL_PIPELINE_EXTRACT_OPEN_SHARD_H_
#define MELMILL_PIPELINE_EXTRACT_OPEN_SHARD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/file/file_facts.h"
#include "io/result.h"
#include "pipeline/plan/plan.h"
#include "pipeline/row/record.h"
#include "store/local_file.h"
#include "store/plan/plan_row.h"
#include "store/shard/shard_writer.h"

namespace melmill {

// The rows of a planned shard, in order. Shards of short clips have tens of
// thousands of rows, and several are open at a time: so they are kept in few
// bytes, without a block of memory for each, and made when asked for.
class RecordList {
 public:
  // The plan must outlive it. Errors: kMachineFault; kBadHeader where the rows
  // of a plan that was read from a file contradict each other, their headers or
  // the shard: what computes and stores rows relies on them.
  static Result<RecordList> Load(const Plan& plan, const PlannedShard& shard,
                                 const Quarantine& quarantine = {},
                                 WorkPermit* permit = nullptr);

  size_t size() const { return records_.size(); }
  RecordTask operator[](size_t record) const;

  // Gives the memory back.
  void Clear();

 private:
  struct Record {
    uint64_t line;
    uint64_t file_bytes;
    WavHeader header;
    int64_t num_samples;
    int64_t num_frames;
    uint64_t start;
    Hash128 source_hash;
    uint64_t audio_end;  // in audio_; it begins where the last one ends
  };

  RecordList(const RunConfig& config, const Quarantine& quarantine,
             WorkPermit* permit)
      : config_(&config), quarantine_(quarantine), permit_(permit) {}
  Result<void> Add(const Plan& plan, const PlannedShard& shard,
                   const PlanRow& row, Hasher128* hasher);

  const RunConfig* config_;
  Quarantine quarantine_;
  WorkPermit* permit_;
  std::vector<Record> records_;
  std::vector<char> audio_;  // all strings
  uint64_t num_frames_ = 0;  // of all records
};

// One shard in work: its rows and the file they go to. Dropping it removes
// the file.
class OpenShard {
 public:
  // `index`: in plan.shards. `permit`: of its rows. Errors: kMachineFault.
  static Result<std::unique_ptr<OpenShard>> Create(
      const Plan& plan, size_t index, const std::string& folder,
      const Quarantine& quarantine = {}, WorkPermit* permit = nullptr);

  size_t index() const { return index_; }
  const RecordList& records() const { return records_; }

  // All three are thread-safe for different records. Errors: kMachineFault.

  // Computes a record whose file was read, and stores it. Errors: also those
  // of ComputeRecord; then the record may be tried again, or rejected.
  Result<void> ComputeAndStore(size_t record, const RecordProcessor& processor,
                               RecordInput* input, RecordWorkspace* workspace);
  // Reads first, with all attempts.
  Result<void> TryAndStore(size_t record, const RecordProcessor& processor,
                           RecordInput* input, RecordWorkspace* workspace);
  Result<void> Reject(size_t record, const Error& error);

  // Once every record was stored or rejected: frees what is known of them,
  // for shards that wait for their commit. Only index() and Commit may follow.
  void ReleaseRecords() { records_.Clear(); }

  // Once every record was stored or rejected; as ShardWriter::Commit, with the
  // checksum that the plan expects and the file that it replaces. Then tells
  // `local`, if there is one, what the rows' files were like when they were
  // read. Errors: kMachineFault, also for several records none of whose files
  // could be read.
  Result<ShardWriter::Committed> Commit(LocalFile* local);

 private:
  class Slot;

  OpenShard(size_t index, const PlannedShard& shard, RecordList records,
            ShardWriter writer);
  Result<void> Finish(size_t record, const Result<ShardRow>& row,
                      const RecordInput& input, RecordWorkspace* workspace);

  size_t index_;
  Hash128 fingerprint_;
  std::optional<uint64_t> expected_checksum_;
  std::optional<FileIdentity> replaced_;
  RecordList records_;
  size_t num_records_;
  std::string first_path_;
  ShardWriter writer_;
  std::vector<FileFacts> facts_;  // unknown for rows that are not stored
  std::atomic<size_t> num_unreadable_{0};  // rejected: MayBeMachineFault
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_EXTRACT_OPEN_SHARD_H_
