#include "pipeline/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "dsp/pcm.h"
#include "dsp/resampler.h"

namespace melmill {
namespace {

// Files are read in pieces of this size; most clips are one piece.
constexpr size_t kBlockBytes = size_t{1} << 20;

Error ChangedSincePlan() {
  return {ErrorCode::kChangedSincePlan,
          RejectMessage(ErrorCode::kChangedSincePlan, 0)};
}

Error NotFinite(int64_t sample) {
  return {ErrorCode::kNotFinite, RejectMessage(ErrorCode::kNotFinite, sample),
          sample};
}

void CopyTail(std::span<const float> samples, std::vector<float>* tail) {
  const size_t count = std::min(samples.size(), tail->size());
  std::fill(tail->begin(), tail->end(), 0.0f);
  std::copy(samples.end() - static_cast<std::ptrdiff_t>(count), samples.end(),
            tail->end() - static_cast<std::ptrdiff_t>(count));
}

}  // namespace

void RecordWorkspace::ReleaseExcess(const RecordTask& task) {
  constexpr size_t kKeptSamples = size_t{8} << 20;  // nine minutes
  if (samples_.capacity() > kKeptSamples &&
      std::cmp_less(task.num_samples, kKeptSamples)) {
    samples_ = {};
    features_ = {};
  }
}

RecordProcessor::RecordProcessor(const LogMelOptions& options,
                                 FeatureType feature_type)
    : options_(options),
      feature_type_(feature_type),
      log_mel_(MakeFftwLogMel(options)) {}

Result<bool> RecordProcessor::ReadRecord(const RecordTask& task, bool may_wait,
                                         RecordInput* input) const {
  input->file_.reset();
  Result<AudioFile> opened = AudioFile::Open(task.path);
  if (!opened.ok()) {
    Error error = opened.error();
    if (error.code == ErrorCode::kMachineFault) {
      error.message = task.path + ": " + error.message;
    }
    return error;
  }
  AudioFile& file = input->file_.emplace(std::move(opened).value());
  if (file.size_bytes() != task.file_bytes) return ChangedSincePlan();
  input->block_offset_ = 0;
  input->block_.resize(
      static_cast<size_t>(std::min<uint64_t>(kBlockBytes, file.size_bytes())));
  if (file.ReadCachedAt(0, input->block_)) return true;
  if (!may_wait) {
    input->file_.reset();  // many rows may wait for a reader
    return false;
  }
  const Result<void> read = file.ReadAt(0, input->block_);
  if (!read.ok()) return read.error();
  return true;
}

Result<std::span<const std::byte>> RecordProcessor::NextGroups(
    const WavHeader& header, uint64_t position, RecordInput* input) {
  const auto group_bytes =
      static_cast<uint64_t>(header.bytes_per_sample_group());
  const uint64_t data_end = header.data_offset + header.data_bytes;
  const auto available = [&]() -> uint64_t {
    const uint64_t end = input->block_offset_ + input->block_.size();
    return end > position ? std::min(end, data_end) - position : 0;
  };
  if (available() < group_bytes) {
    input->block_offset_ = position;
    input->block_.resize(static_cast<size_t>(
        std::min<uint64_t>(kBlockBytes, data_end - position)));
    const Result<void> read = input->file_->ReadAt(position, input->block_);
    if (!read.ok()) return read.error();
  }
  const uint64_t num_bytes = available() / group_bytes * group_bytes;
  return std::span<const std::byte>(input->block_)
      .subspan(static_cast<size_t>(position - input->block_offset_),
               static_cast<size_t>(num_bytes));
}

// Streams the data chunk through decoder and resampler into
// workspace->samples_. Returns the hash of its bytes.
Result<Hash128> RecordProcessor::DecodeAll(const RecordTask& task,
                                           RecordInput* input,
                                           RecordWorkspace* workspace) const {
  RecordWorkspace& ws = *workspace;
  const WavHeader& header = task.header;
  const auto group_bytes = static_cast<size_t>(header.bytes_per_sample_group());
  const Result<void> started = ws.decoder_.Start(header);
  if (!started.ok()) return started.error();
  Resampler resampler(header.sample_rate_hz, options_.mel.sample_rate_hz);
  Hasher128 hasher;
  ws.ReleaseExcess(task);
  ws.samples_.clear();
  // One more than needed: Finish may take a sample away.
  const auto max_samples = static_cast<size_t>(task.num_samples) + 1;
  uint64_t position = header.data_offset;
  while (position < header.data_offset + header.data_bytes) {
    const auto bytes = NextGroups(header, position, input);
    if (!bytes.ok()) return bytes.error();
    hasher.Update(bytes.value());
    const size_t num_samples = bytes.value().size() / group_bytes;
    ws.mono_.resize(num_samples);
    const Result<void> decoded =
        ws.decoder_.DecodeToMono(bytes.value(), ws.mono_);
    if (!decoded.ok()) return decoded.error();
    const int64_t bad = FindNonFinite(ws.mono_);
    if (bad >= 0) {
      const uint64_t done = (position - header.data_offset) / group_bytes;
      return NotFinite(static_cast<int64_t>(done) + bad);
    }
    resampler.Process(ws.mono_, &ws.samples_);
    // A truncated clip is decoded to its end only for the checksum.
    if (ws.samples_.size() > max_samples) ws.samples_.resize(max_samples);
    position += bytes.value().size();
  }
  resampler.Finish(&ws.samples_);
  return hasher.Digest();
}

Result<ShardRow> RecordProcessor::ComputeRecord(
    const RecordTask& task, RecordInput* input,
    RecordWorkspace* workspace) const {
  RecordWorkspace& ws = *workspace;
  const Result<WavHeader> header = ReadWavHeader(input->block_, *input->file_);
  if (!header.ok()) {
    return header.error().code == ErrorCode::kIoError ? header.error()
                                                      : ChangedSincePlan();
  }
  if (header.value() != task.header) return ChangedSincePlan();
  const Result<Hash128> hash = DecodeAll(task, input, workspace);
  input->file_.reset();
  if (!hash.ok()) return hash.error();

  assert(std::cmp_greater_equal(ws.samples_.size(), task.num_samples));
  const auto samples = std::span<const float>(ws.samples_)
                           .first(static_cast<size_t>(task.num_samples));
  if (FindNonFinite(samples) >= 0) return NotFinite(-1);
  ws.features_.resize(static_cast<size_t>(task.num_frames) *
                      static_cast<size_t>(options_.mel.n_mels) *
                      FeatureSize(feature_type_));
  const ClipLevels levels = log_mel_->Compute(
      samples, feature_type_, ws.features_, *ws.log_mel_workspace_);
  ws.tail_samples_.resize(static_cast<size_t>(options_.mel.n_fft));
  CopyTail(samples, &ws.tail_samples_);

  ShardRow row;
  row.status = RowStatus::kStored;
  row.start = task.start;
  row.num_frames = static_cast<uint32_t>(task.num_frames);
  row.num_samples = static_cast<uint64_t>(task.num_samples);
  row.body_max = levels.body_max;
  row.floor = levels.floor;
  row.source_rate = static_cast<uint32_t>(task.header.sample_rate_hz);
  row.source_channels = static_cast<uint32_t>(task.header.num_channels);
  row.source_num_samples = static_cast<uint64_t>(task.header.num_samples);
  row.source_checksum = hash.value();
  return row;
}

Result<ShardRow> TryRecord(const RecordTask& task,
                           const RecordProcessor& processor, RecordInput* input,
                           RecordWorkspace* workspace) {
  for (int attempt = 1;; ++attempt) {
    const Result<bool> read = processor.ReadRecord(task, true, input);
    Result<ShardRow> row = read.ok()
                               ? processor.ComputeRecord(task, input, workspace)
                               : Result<ShardRow>(read.error());
    if (row.ok() || !MayBeMachineFault(row.error().code) ||
        attempt == kMaxReadAttempts) {
      return row;
    }
  }
}

ShardRow MakeRejectedRow(const RecordTask& task, const Error& error) {
  ShardRow row;
  row.status = RowStatus::kRejected;
  row.start = task.start;
  row.source_rate = static_cast<uint32_t>(task.header.sample_rate_hz);
  row.source_channels = static_cast<uint32_t>(task.header.num_channels);
  row.source_num_samples = static_cast<uint64_t>(task.header.num_samples);
  row.reject_code = error.code;
  row.reject_detail = error.detail;
  return row;
}

bool MayBeMachineFault(ErrorCode code) {
  return code == ErrorCode::kIoError || code == ErrorCode::kChangedSincePlan ||
         ErrorStageName(code) == "open";
}

Error LastingError(const Error& error) {
  if (ErrorStageName(error.code) != "open") return error;
  return {ErrorCode::kIoError, RejectMessage(ErrorCode::kIoError, error.detail),
          error.detail};
}

std::string RejectMessage(ErrorCode code, int64_t detail) {
  switch (code) {
    case ErrorCode::kNotFinite:
      return detail < 0 ? "samples too large to resample"
                        : fmt::format("sample {} is NaN or infinite", detail);
    case ErrorCode::kDecodeFailed:
      return "libsndfile could not decode the samples";
    case ErrorCode::kChangedSincePlan:
      return "the file is not the one that was planned: its size or header "
             "differs";
    case ErrorCode::kIoError: {
      if (detail == 0) return "could not be read: not a regular file";
      const char* reason = strerrordesc_np(static_cast<int>(detail));
      return fmt::format("could not be read: {}",
                         reason == nullptr ? "unknown error" : reason);
    }
    default:
      return std::string(ErrorCodeName(code));
  }
}

}  // namespace melmill
