#include "pipeline/row/row_computer.h"

#include <algorithm>
#include <cassert>
#include <span>
#include <utility>

#include "io/hash.h"
#include "pipeline/row/feature_sink.h"
#include "pipeline/row/reject_rules.h"
#include "pipeline/row/row_marks.h"
#include "pipeline/row/row_pass.h"
#include "pipeline/row/row_task.h"
#include "pipeline/setup/feature_spec.h"

namespace melmill {
namespace {

std::unique_ptr<LogMel> MakeLogMel(const LogMelOptions& options,
                                   std::optional<SimdTarget> simd_target) {
  return simd_target ? MakeSimdLogMel(options, *simd_target)
                     : MakeGeneralLogMel(options);
}

}  // namespace

RowWorkspace::RowWorkspace(const RowComputer& processor)
    : resampler_(processor.code_path().spectral),
      log_mel_workspace_(processor.log_mel().MakeWorkspace()) {}

void RowWorkspace::ReleaseExcess() {
  const size_t num_bytes = features_.capacity_bytes() + mono_.capacity_bytes() +
                           samples_.capacity() * sizeof(float);
  if (num_bytes <= RowComputer::kMaxKeptWorkspaceBytes) return;
  features_.Release();
  mono_.Release();
  SampleVector().swap(samples_);  // = {} would keep the memory
}

RowComputer::RowComputer(const FeatureSpec& features)
    : features_(features),
      log_mel_(MakeLogMel(features.log_mel(), features.code_path.log_mel)) {
  assert(log_mel_ != nullptr);
}

Result<bool> RowComputer::ReadRow(const RowTask& task, bool may_wait,
                                  RowInput* input) const {
  if (task.quarantine_signal) {
    return Error{RejectCode::kPoison,
                 RejectMessage(RejectCode::kPoison, *task.quarantine_signal),
                 *task.quarantine_signal};
  }
  if (const auto wanted = AskPermit(task); !wanted.ok()) return wanted.error();
  const RowInWork row_in_work(task.source_hash);
  const DeviceWait device_wait;
  input->file_.reset();
  Result<InputFile> opened =
      InputFile::Open(task.path, task.source.opened_range());
  if (!opened.ok()) {
    if (opened.error().code == RejectCode::kRangeOutside) {
      return ChangedSincePlan();
    }
    Error error = opened.error();
    if (error.code == ErrorCode::kMachineFault) {
      error.message = task.path + ": " + error.message;
    }
    return error;
  }
  InputFile& file = input->file_.emplace(std::move(opened).value());
  input->facts_ = file.facts();
  if (file.size_bytes() != task.source.file_bytes) return ChangedSincePlan();
  if (task.source.is_coded_segment()) {
    input->block_.Resize(0);
    return true;
  }
  const bool is_segment = task.source.is_segment();
  input->prefix_bytes_ = is_segment ? static_cast<size_t>(std::min<uint64_t>(
                                          kWavPrefixBytes, file.size_bytes()))
                                    : 0;
  const auto prefix = std::span(input->prefix_).first(input->prefix_bytes_);
  input->block_offset_ = is_segment ? task.source.own_data_offset() : 0;
  const std::span<std::byte> block = input->block_.Resize(static_cast<size_t>(
      std::min<uint64_t>(kBlockBytes, task.source.bytes_to_read())));
  if ((prefix.empty() || file.ReadCachedAt(0, prefix)) &&
      file.ReadCachedAt(input->block_offset_, block)) {
    return true;
  }
  if (!may_wait) {
    input->file_.reset();  // closed, since many rows may wait for a reader
    return false;
  }
  file.WillNeed(
      input->block_offset_ + block.size(),
      std::min(kReadAheadBytes, task.source.bytes_to_read() - block.size()));
  Result<void> read;
  if (!prefix.empty()) read = file.ReadAt(0, prefix);
  if (read.ok()) read = file.ReadAt(input->block_offset_, block);
  if (!read.ok()) return read.error();
  return true;
}

Result<ShardRow> RowComputer::ComputeRow(const RowTask& task, RowInput* input,
                                         FeatureSink* sink,
                                         RowWorkspace* workspace) const {
  const RowInWork row_in_work(task.source_hash);
  Result<ShardRow> row =
      RowPass(features_, *log_mel_, task, input, sink, workspace).Compute();
  {
    const StageTimer timer(&workspace->times, Stage::kRead);
    input->file_.reset();
  }
  workspace->ReleaseExcess();
  return row;
}

uint64_t RowComputer::MemoryBytes(const Source& source) const {
  const LogMelOptions& options = features_.log_mel();
  const uint64_t block =
      std::min<uint64_t>(source.bytes_to_read(), kBlockBytes);
  const auto piece_samples = static_cast<uint64_t>(
      kPieceFrames * options.hop_length + 2 * options.mel.n_fft);
  // `samples` is as in MaxWindowSamples. kDecoding is for decoded blocks and
  // libsndfile's buffers, a few hundred kB each, the transform's, 0.1 MB, and
  // the resampler's, at most 0.4 MB (libsoxr 1.3 MB).
  const uint64_t samples =
      sizeof(float) *
      (std::min(static_cast<uint64_t>(source.num_samples) + 1, piece_samples) +
       2 * kDecodeSamples);
  const uint64_t features = std::min<uint64_t>(
      kMaxBufferedFeatureBytes, static_cast<uint64_t>(source.num_frames) *
                                    static_cast<uint64_t>(options.mel.n_mels) *
                                    ComputedSize(features_.feature_type));
  constexpr uint64_t kDecoding = uint64_t{2} << 20;
  // The decoders of coded sound, at most: measured with eight channels.
  constexpr uint64_t kCodedDecoding = uint64_t{10} << 20;
  uint64_t coded = IsCoded(source.header.encoding) ? kCodedDecoding : 0;
  if (source.is_coded_segment()) {
    coded = CodedSegments::kMaxFileBytes +
            sizeof(float) * static_cast<uint64_t>(
                                std::min(source.segment_num_samples,
                                         CodedSegments::kMaxBufferedSamples));
  }
  return block + samples + features + kDecoding + coded;
}

Result<ShardRow> TryRow(const RowTask& task, const RowComputer& processor,
                        RowInput* input, FeatureSink* sink,
                        RowWorkspace* workspace) {
  for (int attempt = 1;; ++attempt) {
    const Result<bool> read = processor.ReadRow(task, true, input);
    Result<ShardRow> row =
        read.ok() ? processor.ComputeRow(task, input, sink, workspace)
                  : Result<ShardRow>(read.error());
    if (row.ok() || !MayBeMachineFault(row.error().code) ||
        attempt == kMaxReadAttempts) {
      return row;
    }
  }
}

}  // namespace melmill
