#include "pipeline/row/row_pass.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "dsp/features/feature_clamp.h"
#include "dsp/features/feature_grid.h"
#include "dsp/samples/pcm.h"
#include "io/sound/coded_clip.h"
#include "io/sound/coded_segments.h"
#include "io/sound/sound_file.h"
#include "pipeline/row/reject_rules.h"
#include "pipeline/row/row_marks.h"

namespace melmill {
namespace {

Error NotFinite(int64_t sample) {
  return {RejectCode::kNotFinite, RejectMessage(RejectCode::kNotFinite, sample),
          sample};
}

float ToFloat(float sample) { return sample; }
float ToFloat(int16_t sample) { return static_cast<float>(sample) / 32768; }

// Copies the last samples, with zeros before a shorter clip.
template <typename Sample>
void CopyTail(std::span<const Sample> samples, std::vector<float>* tail) {
  const size_t count = std::min(samples.size(), tail->size());
  std::fill(tail->begin(), tail->end(), 0.0f);
  std::transform(samples.end() - static_cast<std::ptrdiff_t>(count),
                 samples.end(),
                 tail->end() - static_cast<std::ptrdiff_t>(count),
                 [](Sample sample) { return ToFloat(sample); });
}

}  // namespace

Error ChangedSincePlan() {
  return {RejectCode::kChangedSincePlan,
          RejectMessage(RejectCode::kChangedSincePlan, 0)};
}

Result<void> AskPermit(const RowTask& task) {
  if (task.permit == nullptr || task.permit->MayGoOn()) return {};
  return Error{ErrorCode::kStopped, "the run was asked to stop"};
}

Result<void> RowPass::FileBytes::ReadAt(uint64_t offset,
                                        std::span<std::byte> bytes) const {
  if (offset > size_bytes() || bytes.size() > size_bytes() - offset) {
    return ChangedSincePlan();
  }
  const RowInput& input = pass_.input_;
  while (!bytes.empty()) {
    if (offset < input.block_offset_ ||
        offset - input.block_offset_ >= input.block_.size()) {
      // A decoder that steps back a little finds the bytes in the block.
      constexpr uint64_t kAlignment = uint64_t{64} << 10;
      const Result<void> read =
          pass_.ReadBlock(offset / kAlignment * kAlignment, size_bytes());
      if (!read.ok()) return read;
    }
    const std::span<const std::byte> block = input.block_.span().subspan(
        static_cast<size_t>(offset - input.block_offset_));
    const size_t num_bytes = std::min(block.size(), bytes.size());
    std::copy_n(block.begin(), num_bytes, bytes.begin());
    bytes = bytes.subspan(num_bytes);
    offset += num_bytes;
  }
  return {};
}

Result<void> RowPass::CheckHeader() {
  const StageTimer timer(&ws_.times, Stage::kDecode);
  const std::span<const std::byte> prefix =
      task_.source.is_segment() ? std::span<const std::byte>(input_.prefix_)
                                      .first(input_.prefix_bytes_)
                                : input_.block_.span();
  const Result<SoundHeader> header = ReadSoundHeader(prefix, FileBytes(this));
  if (!header.ok()) {
    const ErrorCode code = header.error().code;
    return code == RejectCode::kIoError || code == ErrorCode::kStopped
               ? header.error()
               : ChangedSincePlan();
  }
  if (header.value() != header_) return ChangedSincePlan();
  return {};
}

// Reads the block of the file that begins at `position`, up to `end` at most.
Result<void> RowPass::ReadBlock(uint64_t position, uint64_t end) {
  const Result<void> wanted = AskPermit(task_);
  if (!wanted.ok()) return wanted;
  const StageTimer timer(&ws_.times, Stage::kRead);
  input_.block_offset_ = position;
  const std::span<std::byte> block = input_.block_.Resize(
      static_cast<size_t>(std::min<uint64_t>(kBlockBytes, end - position)));
  const DeviceWait device_wait;
  if (!input_.file_->ReadCachedAt(position, block)) {
    const uint64_t block_end = position + block.size();
    input_.file_->WillNeed(block_end,
                           std::min(kReadAheadBytes, end - block_end));
    const Result<void> read = input_.file_->ReadAt(position, block);
    if (!read.ok()) {
      input_.block_.Resize(0);
      return read;
    }
  }
  ws_.times.bytes_read += block.size();
  RowInWork::Beat();
  return {};
}

// Returns whole sample groups from `position` on, and reads them if need be.
Result<std::span<const std::byte>> RowPass::NextGroups(uint64_t position) {
  const auto group_bytes =
      static_cast<uint64_t>(header_.bytes_per_sample_group());
  const auto available = [&]() -> uint64_t {
    const uint64_t end = input_.block_offset_ + input_.block_.size();
    return end > position ? std::min(end, data_end_) - position : 0;
  };
  if (available() < group_bytes) {
    const Result<void> read = ReadBlock(position, data_end_);
    if (!read.ok()) return read.error();
  }
  const uint64_t num_bytes = available() / group_bytes * group_bytes;
  return std::span<const std::byte>(input_.block_.span())
      .subspan(static_cast<size_t>(position - input_.block_offset_),
               static_cast<size_t>(num_bytes));
}

// Decodes the sample groups at `position` of the file and appends the samples
// to ws_.samples_.
Result<void> RowPass::DecodeBlock(std::span<const std::byte> bytes,
                                  uint64_t position) {
  const auto group_bytes =
      static_cast<size_t>(header_.bytes_per_sample_group());
  const std::span<float> mono = ws_.mono_.Resize(bytes.size() / group_bytes);
  {
    const StageTimer timer(&ws_.times, Stage::kDecode);
    source_hasher_.Update(bytes);
    const Result<void> decoded = ws_.decoder_.DecodeToMono(bytes, mono);
    if (!decoded.ok()) return decoded;
    if (const int64_t bad = AddToPeak(mono); bad >= 0) {
      const uint64_t done = (position - header_.data_offset) / group_bytes;
      return NotFinite(static_cast<int64_t>(done) + bad);
    }
  }
  return AddSamples(mono);
}

// Takes samples of the source into account for its peak. Returns what
// FindNonFinite does.
int64_t RowPass::AddToPeak(std::span<const float> mono) {
  const float largest = LargestMagnitude(mono);
  if (!std::isfinite(largest)) return FindNonFinite(mono);
  peak_ = std::max(peak_, largest);
  return -1;
}

// Resamples and appends to ws_.samples_.
Result<void> RowPass::AddSamples(std::span<const float> mono) {
  RowInWork::Beat();
  const StageTimer timer(&ws_.times, Stage::kResample);
  const size_t num_before = ws_.samples_.size();
  ws_.resampler_.Process(mono, &ws_.samples_);
  // A truncated clip is decoded to its end only for the checksum. One sample
  // more than needed is kept, since Finish may take one away.
  const auto max_samples =
      static_cast<size_t>(task_.source.num_samples - ws_.first_sample_) + 1;
  if (ws_.samples_.size() > max_samples) ws_.samples_.resize(max_samples);
  if (header_.sample_rate_hz != options_.mel.sample_rate_hz &&
      FindNonFinite(std::span(ws_.samples_).subspan(num_before)) >= 0) {
    return NotFinite(-1);
  }
  return {};
}

// The maximum number of samples, at the source's rate, that are resampled at a
// time.
size_t RowPass::DecodeStepSamples() const {
  return kDecodeSamples * static_cast<size_t>(header_.sample_rate_hz) /
         static_cast<size_t>(options_.mel.sample_rate_hz);
}

// The bytes that are decoded at a time, in whole sample groups.
size_t RowPass::DecodeStepBytes() const {
  const auto group_bytes =
      static_cast<size_t>(header_.bytes_per_sample_group());
  return std::max(std::min(kDecodeBytes / group_bytes, DecodeStepSamples()),
                  size_t{1}) *
         group_bytes;
}

// The maximum number of samples in ws_.samples_: those of a piece, and those
// that one step adds, including the resampler's delay.
size_t RowPass::MaxWindowSamples() const {
  const auto piece = static_cast<size_t>(kPieceFrames * options_.hop_length +
                                         2 * options_.mel.n_fft);
  return std::min(static_cast<size_t>(task_.source.num_samples) + 1, piece) +
         2 * kDecodeSamples;
}

void RowPass::StartSamples() {
  const StageTimer timer(&ws_.times, Stage::kSetUp);
  ws_.resampler_.Start(header_.sample_rate_hz, options_.mel.sample_rate_hz);
  ws_.samples_.clear();
  ws_.samples_.reserve(MaxWindowSamples());
  ws_.first_sample_ = 0;
}

// Adds the samples that the resampler still holds, and computes the rest.
Result<void> RowPass::FinishSamples() {
  {
    const StageTimer timer(&ws_.times, Stage::kResample);
    const size_t num_before = ws_.samples_.size();
    ws_.resampler_.Finish(&ws_.samples_);
    const auto added = std::span<const float>(ws_.samples_)
                           .subspan(std::min(num_before, ws_.samples_.size()));
    if (FindNonFinite(added) >= 0) return NotFinite(-1);
  }
  return ComputePieces(/*is_whole=*/true);
}

// Streams the row's samples through decoder and resampler, and computes each
// piece once its samples are there.
Result<void> RowPass::DecodeAll() {
  const size_t step = DecodeStepBytes();
  {
    const StageTimer timer(&ws_.times, Stage::kSetUp);
    const Result<void> started = ws_.decoder_.Start(header_);
    if (!started.ok()) return started;
  }
  StartSamples();
  uint64_t position = data_begin_;
  while (position < data_end_) {
    const auto groups = NextGroups(position);
    if (!groups.ok()) return groups.error();
    std::span<const std::byte> left = groups.value();
    while (!left.empty()) {
      const auto bytes = left.first(std::min(step, left.size()));
      left = left.subspan(bytes.size());
      Result<void> done = DecodeBlock(bytes, position);
      if (done.ok()) done = ComputePieces(/*is_whole=*/false);
      if (!done.ok()) return done;
      position += bytes.size();
    }
  }
  return FinishSamples();
}

// Hashes all bytes of a coded file. A file larger than a block is then read
// again for the decoder, from the page cache: CheckUnchanged.
Result<void> RowPass::HashFile() {
  const uint64_t file_bytes = input_.file_->size_bytes();
  for (uint64_t position = 0; position < file_bytes;) {
    if (position > 0 || input_.block_offset_ != 0) {
      const Result<void> read = ReadBlock(position, file_bytes);
      if (!read.ok()) return read;
    }
    const StageTimer timer(&ws_.times, Stage::kDecode);
    source_hasher_.Update(input_.block_.span());
    position += input_.block_.size();
    RowInWork::Beat();
  }
  return {};
}

// Does what DecodeAll does, for coded sound.
Result<void> RowPass::DecodeCoded() {
  const Result<void> hashed = HashFile();
  if (!hashed.ok()) return hashed;
  const Result<void> decoded = DecodeHashed();
  // Damage, too, is that of the hashed bytes only if nobody changed them.
  if (!decoded.ok() && (!decoded.error().code.is_reject() ||
                        MayBeMachineFault(decoded.error().code))) {
    return decoded;
  }
  const Result<void> unchanged = CheckUnchanged();
  return unchanged.ok() ? decoded : unchanged;
}

// Whether the file is as it was before its first byte was read, if any of it
// was read twice.
Result<void> RowPass::CheckUnchanged() const {
  if (input_.block_.size() == input_.file_->size_bytes()) return {};
  const Result<void> unchanged = input_.file_->CheckUnchanged();
  return unchanged.ok() || unchanged.error().code == RejectCode::kIoError
             ? unchanged
             : ChangedSincePlan();
}

Result<void> RowPass::DecodeHashed() {
  const StageTimer timer(&ws_.times, Stage::kDecode);
  const FileBytes file(this);
  Result<CodedClip> clip = CodedClip::Open(header_, file);
  if (!clip.ok()) return clip.error();
  StartSamples();
  int64_t num_decoded = 0;
  for (;;) {
    const Result<std::span<const float>> decoded = clip.value().Next();
    if (!decoded.ok()) return decoded.error();
    const std::span<const float> mono = decoded.value();
    if (mono.empty()) return FinishSamples();
    const Result<void> added = AddDecoded(mono, num_decoded);
    if (!added.ok()) return added;
    num_decoded += static_cast<int64_t>(mono.size());
  }
}

// Does the same for a segment. Waiting for another thread that decodes the same
// file counts as decoding.
Result<void> RowPass::DecodeCodedSegment() {
  std::unique_ptr<CodedSegments> own;
  if (task_.coded_segments == nullptr) own = std::make_unique<CodedSegments>();
  CodedSegments& segments = own ? *own : *task_.coded_segments;
  const Source& source = task_.source;
  const StageTimer timer(&ws_.times, Stage::kDecode);
  StartSamples();
  int64_t num_decoded = 0;
  const Result<Hash128> hash = segments.Read(
      {.path = task_.path,
       .range = source.opened_range(),
       .file_bytes = source.file_bytes,
       .header = header_,
       .facts = input_.facts(),
       .start = source.segment_start,
       .num_samples = source.segment_num_samples},
      [this] {
        RowInWork::Beat();
        return AskPermit(task_);
      },
      &ws_.mono_,
      [&](std::span<const float> mono) {
        const Result<void> added = AddDecoded(mono, num_decoded);
        num_decoded += static_cast<int64_t>(mono.size());
        return added;
      });
  if (!hash.ok()) {
    return hash.error().code == RejectCode::kChangedSincePlan
               ? ChangedSincePlan()
               : hash.error();
  }
  segment_hash_ = hash.value();
  return FinishSamples();
}

// Resamples and transforms samples of coded sound, before which there were
// num_before.
Result<void> RowPass::AddDecoded(std::span<const float> mono,
                                 int64_t num_before) {
  if (const int64_t bad = AddToPeak(mono); bad >= 0) {
    return NotFinite(num_before + bad);
  }
  const size_t step = std::max(DecodeStepSamples(), size_t{1});
  while (!mono.empty()) {
    const auto part = mono.first(std::min(step, mono.size()));
    mono = mono.subspan(part.size());
    Result<void> done = AddSamples(part);
    if (done.ok()) done = ComputePieces(/*is_whole=*/false);
    if (!done.ok()) return done;
  }
  return {};
}

// The whole clip's samples, if the block holds them in the form that the
// transform takes; otherwise none. A block begins with the file or with the
// samples of a segment.
std::span<const int16_t> RowPass::Pcm16InPlace() {
  const bool is_plain = header_.encoding == SampleEncoding::kPcm16 &&
                        !header_.big_endian && header_.num_channels == 1 &&
                        header_.sample_rate_hz == options_.mel.sample_rate_hz;
  if (!is_plain || input_.block_offset_ > data_begin_) return {};
  const uint64_t begin = data_begin_ - input_.block_offset_;
  const uint64_t end = data_end_ - input_.block_offset_;
  if (input_.block_.size() < end) return {};
  const std::byte* data = input_.block_.span().data() + begin;
  // The header reader accepts chunks only at even offsets.
  assert(std::bit_cast<uintptr_t>(data) % alignof(int16_t) == 0);
  return {reinterpret_cast<const int16_t*>(data),
          static_cast<size_t>(task_.source.own_num_samples())};
}

// Computes the frames [next_frame_, next_frame_ + count). Writes them if the
// row is long.
template <typename Sample>
Result<void> RowPass::ComputePiece(const ClipWindow<Sample>& clip,
                                   int64_t count) {
  const Result<void> wanted = AskPermit(task_);
  if (!wanted.ok()) return wanted;
  const size_t num_bytes = static_cast<size_t>(count) * computed_frame_bytes_;
  const auto first = static_cast<size_t>(next_frame_);
  const std::span<std::byte> features =
      is_buffered() ? ws_.features_.span().subspan(
                          first * computed_frame_bytes_, num_bytes)
                    : ws_.features_.Resize(num_bytes);
  {
    const StageTimer timer(&ws_.times, Stage::kLogMel);
    log_mel_.ComputePiece(clip, {next_frame_, count}, type_, features,
                          *ws_.log_mel_workspace_, &maxima_);
  }
  RowInWork::Beat();
  next_frame_ += count;
  if (task_.permit != nullptr) {
    task_.permit->AddFrames(static_cast<uint64_t>(count));
  }
  if (is_buffered()) return {};
  const std::span<std::byte> stored =
      type_ == FeatureType::kUint8 ? CountPiece(features) : features;
  const StageTimer timer(&ws_.times, Stage::kStore);
  return sink_.Write(first * frame_bytes_, stored);
}

// Clamps the features of the frames before next_frame_ at the floor that the
// maxima so far lead to.
std::span<std::byte> RowPass::Clamp(std::span<std::byte> features) const {
  const StageTimer timer(&ws_.times, Stage::kLogMel);
  const int64_t num_end_frames =
      next_frame_ == task_.source.num_frames
          ? NumEndFrames(options_, task_.source.num_samples)
          : 0;
  return log_mel_.Clamp(log_mel_.Levels(maxima_), type_, num_end_frames,
                        features);
}

// Makes bytes of a long row's piece. They count from a floor that may rise
// later; only that of the last piece is the row's.
std::span<std::byte> RowPass::CountPiece(std::span<std::byte> features) {
  piece_bases_.push_back(
      GridStep(log_mel_.BodyFloor(log_mel_.Levels(maxima_))));
  return Clamp(features);
}

// Computes all pieces whose samples are there, and drops samples that no other
// piece needs. Only the clip's last piece reaches the clip's end.
Result<void> RowPass::ComputePieces(bool is_whole) {
  const int64_t hop = options_.hop_length;
  const int64_t n_fft = options_.mel.n_fft;
  while (next_frame_ < task_.source.num_frames) {
    const int64_t count =
        std::min(kPieceFrames, task_.source.num_frames - next_frame_);
    const int64_t samples_end =
        ws_.first_sample_ + static_cast<int64_t>(ws_.samples_.size());
    const bool is_last = next_frame_ + count == task_.source.num_frames;
    const int64_t piece_end = (next_frame_ + count) * hop + n_fft;
    if (!is_whole && (is_last || samples_end < piece_end)) return {};
    const auto num_usable = static_cast<size_t>(
        std::min(samples_end, task_.source.num_samples) - ws_.first_sample_);
    const Result<void> computed = ComputePiece(
        ClipWindow<float>{std::span(ws_.samples_).first(num_usable),
                          ws_.first_sample_, task_.source.num_samples},
        count);
    if (!computed.ok()) return computed;
    if (is_last) return {};
    // This leaves enough for the tail samples, even if the last piece is one
    // frame.
    const int64_t keep_from = std::max(next_frame_ * hop - n_fft, int64_t{0});
    ws_.samples_.erase(ws_.samples_.begin(),
                       ws_.samples_.begin() + (keep_from - ws_.first_sample_));
    ws_.first_sample_ = keep_from;
  }
  return {};
}

// Clamps a long row, whose pieces were written before its maximum was known.
Result<void> RowPass::ClampLongRow() {
  Hasher64 hasher;
  const size_t piece_bytes = static_cast<size_t>(kPieceFrames) * frame_bytes_;
  const size_t row_bytes =
      static_cast<size_t>(task_.source.num_frames) * frame_bytes_;
  for (size_t offset = 0; offset < row_bytes; offset += piece_bytes) {
    const std::span<std::byte> piece =
        ws_.features_.Resize(std::min(piece_bytes, row_bytes - offset));
    Result<void> done = AskPermit(task_);
    if (!done.ok()) return done;
    done = sink_.Read(offset, piece);
    if (!done.ok()) return done;
    if (type_ == FeatureType::kUint8) {
      const uint16_t base = piece_bases_[offset / piece_bytes];
      RaiseBase({reinterpret_cast<uint8_t*>(piece.data()), piece.size()},
                static_cast<uint16_t>(piece_bases_.back() - base));
    } else {
      Clamp(piece);
    }
    hasher.Update(piece);
    done = sink_.Write(offset, piece);
    if (!done.ok()) return done;
  }
  feature_checksum_ = hasher.Digest();
  return {};
}

Result<void> RowPass::FinishFeatures() {
  ws_.times.bytes_stored +=
      static_cast<uint64_t>(task_.source.num_frames) * frame_bytes_;
  if (!is_buffered()) {
    const StageTimer timer(&ws_.times, Stage::kStore);
    return ClampLongRow();
  }
  const std::span<std::byte> features = Clamp(ws_.features_.span());
  const StageTimer timer(&ws_.times, Stage::kStore);
  feature_checksum_ = Xxh3_64(features);
  return sink_.Write(0, features);
}

Result<ShardRow> RowPass::Compute() {
  ws_.times.bytes_read += input_.block_.size();
  const bool is_coded_segment = task_.source.is_coded_segment();
  Result<void> done;
  if (!is_coded_segment) done = CheckHeader();  // CodedSegments does it, too
  if (!done.ok()) return done.error();
  if (is_buffered()) {
    ws_.features_.Resize(static_cast<size_t>(task_.source.num_frames) *
                         computed_frame_bytes_);
  }
  ws_.tail_samples_.resize(static_cast<size_t>(options_.mel.n_fft));
  const std::span<const int16_t> pcm16 = Pcm16InPlace();
  if (!pcm16.empty()) {
    const auto clip =
        pcm16.first(static_cast<size_t>(task_.source.num_samples));
    {
      const StageTimer timer(&ws_.times, Stage::kDecode);
      source_hasher_.Update(std::as_bytes(pcm16));
      peak_ = LargestMagnitude(pcm16);
    }
    while (done.ok() && next_frame_ < task_.source.num_frames) {
      done = ComputePiece(
          ClipWindow<int16_t>{clip, 0, task_.source.num_samples},
          std::min(kPieceFrames, task_.source.num_frames - next_frame_));
    }
    CopyTail(clip, &ws_.tail_samples_);
  } else {
    if (is_coded_segment) {
      done = DecodeCodedSegment();
    } else {
      done = IsCoded(header_.encoding) ? DecodeCoded() : DecodeAll();
    }
    if (done.ok()) {
      CopyTail(std::span<const float>(ws_.samples_)
                   .first(static_cast<size_t>(task_.source.num_samples -
                                              ws_.first_sample_)),
               &ws_.tail_samples_);
    }
  }
  if (!done.ok()) return done.error();
  done = FinishFeatures();
  if (!done.ok()) return done.error();

  const ClipLevels levels = log_mel_.Levels(maxima_);
  ShardRow row;
  row.status = RowStatus::kStored;
  row.start = task_.start;
  row.num_frames = static_cast<uint32_t>(task_.source.num_frames);
  row.num_samples = static_cast<uint64_t>(task_.source.num_samples);
  row.body_max = levels.body_max;
  row.peak = peak_;
  row.floor = levels.floor;
  row.checksum = feature_checksum_;
  row.source_rate = static_cast<uint32_t>(header_.sample_rate_hz);
  row.source_channels = static_cast<uint32_t>(header_.num_channels);
  row.source_num_samples = static_cast<uint64_t>(header_.num_samples);
  row.source_checksum = segment_hash_.value_or(source_hasher_.Digest());
  return row;
}

}  // namespace melmill
