#ifndef MELMILL_PIPELINE_ROW_RECORD_H_
#define MELMILL_PIPELINE_ROW_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dsp/log_mel/log_mel.h"
#include "dsp/resample/resampler.h"
#include "io/file/audio_file.h"
#include "io/file/file_facts.h"
#include "io/hash.h"
#include "io/result.h"
#include "io/wav/wav_decoder.h"
#include "io/wav/wav_header.h"
#include "pipeline/row/reusable_buffer.h"
#include "pipeline/row/stage_times.h"
#include "pipeline/row/work_permit.h"
#include "pipeline/setup/code_path.h"
#include "pipeline/setup/feature_spec.h"
#include "store/shard/shard.h"

namespace melmill {

// The stages one row goes through, as plain functions: the flow graph and the
// serial loop call the same ones.

// Rows that crashed or hung the program alone: see RecordTask.
using Quarantine = std::map<Hash128, int>;

// One planned row of one shard.
struct RecordTask {
  size_t row = 0;           // in its shard
  uint64_t line = 0;        // in its manifest
  std::string audio;        // as the manifest has it
  std::string path;         // what that means
  uint64_t file_bytes = 0;  // as the plan saw it; must still be so
  WavHeader header;
  int64_t num_samples = 0;  // at the feature sample rate
  int64_t num_frames = 0;
  uint64_t start = 0;        // first frame in the shard
  Hash128 source_hash = {};  // HashRowSource
  // In quarantine: the signal that ended the program, 0 for a hang.
  std::optional<int> quarantine_signal;
  // Asked before each piece, told of each; none: the row is always wanted.
  WorkPermit* permit = nullptr;
};

// Where the features of one row go.
class FeatureSink {
 public:
  virtual ~FeatureSink() = default;

  // Bytes of the row from `offset_bytes` on. Errors: kMachineFault.
  virtual Result<void> Write(uint64_t offset_bytes,
                             std::span<const std::byte> features) = 0;
  // Reads back what was written.
  virtual Result<void> Read(uint64_t offset_bytes,
                            std::span<std::byte> features) = 0;
};

// For rows of which only the outcome counts.
class NoFeatures : public FeatureSink {
 public:
  Result<void> Write(uint64_t offset_bytes,
                     std::span<const std::byte> features) override;
  Result<void> Read(uint64_t offset_bytes,
                    std::span<std::byte> features) override;
};

// The part of a file that was read last. Many are in flight while threads wait
// for the disk.
class RecordInput {
 public:
  // Of the file, before any of it was read. Valid after ReadRecord.
  const FileFacts& facts() const { return facts_; }

 private:
  friend class RecordProcessor;
  std::optional<AudioFile> file_;
  FileFacts facts_;
  ReusableBuffer<std::byte> block_;  // bytes of the file from block_offset_ on
  uint64_t block_offset_ = 0;
};

class RecordProcessor;

// Everything that a worker needs to compute one row at a time. It is reused, so
// memory is allocated only for long rows (which give it back), for rows larger
// than all before, and when the sample rate changes from row to row.
class RecordWorkspace {
 public:
  explicit RecordWorkspace(const RecordProcessor& processor);

  // Valid after ComputeRecord.
  std::span<const float> tail_samples() const { return tail_samples_; }

  // The time that all work of this object has taken.
  StageTimes times;

 private:
  friend class RecordProcessor;

  // Gives back what a long row took.
  void ReleaseExcess();

  WavDecoder decoder_;
  Resampler resampler_;
  ReusableBuffer<float> mono_;  // one block at the source's rate
  // The clip at the feature rate, from first_sample_ on: the samples that
  // pieces still to be computed need.
  SampleVector samples_;
  int64_t first_sample_ = 0;
  ReusableBuffer<std::byte> features_;  // of a row, or of a long row's piece
  std::vector<float> tail_samples_;
  std::unique_ptr<LogMel::Workspace> log_mel_workspace_;
};

// Immutable; serves any number of threads, each with its own workspace.
class RecordProcessor {
 public:
  explicit RecordProcessor(const FeatureSpec& features);

  const LogMel& log_mel() const { return *log_mel_; }
  const CodePath& code_path() const { return features_.code_path; }

  // Opens the file and reads its first block (a whole file, if it is short).
  // With may_wait false, the result false means that the read would wait for
  // the device: call again with true, on a thread that may wait. Errors: those
  // of AudioFile, kChangedSincePlan, kPoison for a row in quarantine, and
  // kStopped, as the permit says.
  Result<bool> ReadRecord(const RecordTask& task, bool may_wait,
                          RecordInput* input) const;

  // Decodes, resamples and transforms what ReadRecord began to read, and
  // writes the features to `sink`. Returns the row's index. After an error
  // the sink may hold any bytes. Errors: kNotFinite, kDecodeFailed,
  // kChangedSincePlan, kIoError, kMachineFault, kStopped.
  Result<ShardRow> ComputeRecord(const RecordTask& task, RecordInput* input,
                                 FeatureSink* sink,
                                 RecordWorkspace* workspace) const;

  // An upper bound of the memory that the row takes while it is in work.
  uint64_t MemoryBytes(const RecordTask& task) const;

  // An upper bound of the buffers that a RecordInput and a RecordWorkspace keep
  // from row to row. What resampler and transform keep (at most 0.7 MB) is
  // counted with each row.
  static constexpr uint64_t kMaxInputBytes = uint64_t{1} << 20;
  static constexpr uint64_t kMaxKeptWorkspaceBytes = uint64_t{4} << 20;

 private:
  class Row;  // one call of ComputeRecord

  FeatureSpec features_;
  std::unique_ptr<LogMel> log_mel_;
};

// How many times a file that was good in the plan is read before its row is
// rejected.
inline constexpr int kMaxReadAttempts = 3;

// Both stages on the calling thread, with all attempts.
Result<ShardRow> TryRecord(const RecordTask& task,
                           const RecordProcessor& processor, RecordInput* input,
                           FeatureSink* sink, RecordWorkspace* workspace);

// The index of a row that has no features.
ShardRow MakeRejectedRow(const RecordTask& task, const Error& error);

// Whether the machine may be at fault (an unreadable or changed file): such a
// row is tried again before it is rejected.
bool MayBeMachineFault(ErrorCode code);

// How a lasting fault of that kind is recorded: what cannot be opened or read
// becomes kIoError.
Error LastingError(const Error& error);

// The message in rejects.jsonl for a row that was rejected during extraction;
// it depends only on what the shard stores.
std::string RejectMessage(ErrorCode code, int64_t detail);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_RECORD_H_
