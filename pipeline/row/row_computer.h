#ifndef MELMILL_PIPELINE_ROW_ROW_COMPUTER_H_
#define MELMILL_PIPELINE_ROW_ROW_COMPUTER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dsp/log_mel/log_mel.h"
#include "dsp/resample/resampler.h"
#include "dsp/samples/reusable_buffer.h"
#include "io/file/file_facts.h"
#include "io/file/input_file.h"
#include "io/hash.h"
#include "io/result.h"
#include "io/sound/sound_header.h"
#include "io/wav/plain_decoder.h"
#include "io/wav/wav_header.h"
#include "pipeline/row/feature_sink.h"
#include "pipeline/row/row_task.h"
#include "pipeline/row/stage_times.h"
#include "pipeline/setup/code_path.h"
#include "pipeline/setup/feature_spec.h"
#include "store/shard/shard.h"

namespace melmill {

// The stages of one row as plain functions. The flow graph and the serial loop
// call the same ones.

// The part of a file that was read last. Many such parts are in flight while
// threads wait for the disk.
class RowInput {
 public:
  // The file's facts, from before any of it was read. Valid after ReadRow.
  const FileFacts& facts() const { return facts_; }

 private:
  friend class RowComputer;
  friend class RowPass;
  std::optional<InputFile> file_;
  FileFacts facts_;
  ReusableBuffer<std::byte> block_;  // bytes of the file from block_offset_ on
  uint64_t block_offset_ = 0;
  // The first bytes of the file, if the block does not begin with them.
  std::array<std::byte, kWavPrefixBytes> prefix_;
  size_t prefix_bytes_ = 0;
};

class RowComputer;

// Everything that a worker needs to compute one row at a time. It is reused.
// Memory is allocated only for long rows (which release it), for rows larger
// than all before, and when the sample rate changes from row to row.
class RowWorkspace {
 public:
  explicit RowWorkspace(const RowComputer& processor);

  // Valid after ComputeRow.
  std::span<const float> tail_samples() const { return tail_samples_; }

  // The time that all work of this object has taken.
  StageTimes times;

 private:
  friend class RowComputer;
  friend class RowPass;

  // Releases the memory that a long row took.
  void ReleaseExcess();

  PlainDecoder decoder_;
  Resampler resampler_;
  ReusableBuffer<float> mono_;  // one block at the source's rate
  // The clip at the feature rate, from first_sample_ on: the samples that the
  // remaining pieces need.
  SampleVector samples_;
  int64_t first_sample_ = 0;
  ReusableBuffer<std::byte> features_;  // for a row, or for a long row's piece
  std::vector<float> tail_samples_;
  std::unique_ptr<LogMel::Workspace> log_mel_workspace_;
};

// Reads and computes rows. It is immutable and serves any number of threads,
// each with its own workspace.
class RowComputer {
 public:
  explicit RowComputer(const FeatureSpec& features);

  const LogMel& log_mel() const { return *log_mel_; }
  const CodePath& code_path() const { return features_.code_path; }

  // Opens the file and reads its first block (a short file completely); of a
  // segment the header and the segment's first block. If may_wait is false,
  // returns false if the read would wait for the device; then call again with
  // true, on a thread that may wait. Errors: those of InputFile,
  // kChangedSincePlan, kPoison for a row in quarantine, and kStopped, as the
  // permit says.
  Result<bool> ReadRow(const RowTask& task, bool may_wait,
                       RowInput* input) const;

  // Decodes, resamples and transforms the file that ReadRow opened, and writes
  // the features to `sink`. Returns the row's index entry. After an error the
  // sink may hold any bytes. Errors: kNotFinite, kDecodeFailed,
  // kChangedSincePlan, kIoError, kMachineFault, kStopped.
  Result<ShardRow> ComputeRow(const RowTask& task, RowInput* input,
                              FeatureSink* sink, RowWorkspace* workspace) const;

  // An upper bound of the memory that a row of this source takes while it is
  // in work.
  uint64_t MemoryBytes(const Source& source) const;

  // Upper bounds of the buffers that a RowInput and a RowWorkspace keep from
  // row to row. The memory of resampler and transform (at most 0.7 MB) is
  // counted with each row.
  static constexpr uint64_t kMaxInputBytes = uint64_t{1} << 20;
  static constexpr uint64_t kMaxKeptWorkspaceBytes = uint64_t{4} << 20;

 private:
  FeatureSpec features_;
  std::unique_ptr<LogMel> log_mel_;
};

// The number of times a file that was good in the plan is read before its row
// is rejected.
inline constexpr int kMaxReadAttempts = 3;

// Runs ReadRow and ComputeRow on the calling thread, with all attempts.
Result<ShardRow> TryRow(const RowTask& task, const RowComputer& processor,
                        RowInput* input, FeatureSink* sink,
                        RowWorkspace* workspace);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_ROW_COMPUTER_H_
