#include "pipeline/plan/read_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "dsp/resample/resampler.h"
#include "io/file/input_file.h"
#include "io/hash.h"
#include "io/sound/sound_file.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

constexpr int kMaxAttempts = 3;

double Seconds(int64_t num_samples, int sample_rate_hz) {
  return static_cast<double>(num_samples) / sample_rate_hz;
}

Result<SoundFile> ReadHeader(const InputFile& file) {
  std::array<std::byte, kSoundPrefixBytes> buffer;
  const size_t prefix_bytes =
      static_cast<size_t>(std::min<uint64_t>(buffer.size(), file.size_bytes()));
  const std::span<std::byte> prefix(buffer.data(), prefix_bytes);
  const Result<void> read = file.ReadAt(0, prefix);
  if (!read.ok()) return read.error();
  return ReadSoundFile(prefix, file);
}

// Sets the lengths. Fails if the clip is too short or too long.
Result<Source> CheckLength(Source source, const ClipLimits& limits,
                           const Preset& preset) {
  const SoundHeader& header = source.header;
  const int rate_hz = preset.log_mel.mel.sample_rate_hz;
  const int64_t own_samples = source.own_num_samples();
  const double duration_s = Seconds(own_samples, header.sample_rate_hz);
  if (duration_s > limits.max_duration_s) {
    return Error{RejectCode::kTooLong,
                 fmt::format("lasts {:.1f} s; --max-duration is {:g} s",
                             duration_s, limits.max_duration_s)};
  }
  source.num_samples =
      ResampledLength(own_samples, header.sample_rate_hz, rate_hz);
  const int64_t limit = preset.max_num_samples;
  if (limit > 0 && source.num_samples > limit) {
    if (!limits.truncate) {
      return Error{
          RejectCode::kTooLong,
          fmt::format("lasts {:.2f} s; the preset {} takes at most "
                      "{:g} s (--truncate cuts)",
                      duration_s, preset.name, Seconds(limit, rate_hz))};
    }
    source.num_samples = limit;
  }
  const int64_t min_num_samples = MinNumSamples(preset.log_mel);
  if (source.num_samples < min_num_samples) {
    return Error{RejectCode::kTooShort,
                 fmt::format("{} samples at {} Hz; at least {} are needed "
                             "({:.2f} ms)",
                             source.num_samples, rate_hz, min_num_samples,
                             1e3 * Seconds(min_num_samples, rate_hz))};
  }
  source.num_frames = NumFrames(preset.log_mel, source.num_samples);
  return source;
}

uint64_t IdentityOf(const std::string& path, const InputFile& file) {
  const FileFacts& facts = file.facts();
  if (facts.is_known() && (facts.flags & FileFacts::kOnlyModified) == 0) {
    const uint64_t place[] = {file.device(), facts.inode};
    return Xxh3_64(std::as_bytes(std::span(place)));
  }
  return PathIdentity(path);
}

// Cuts the segment out of the source. A segment of all samples is a whole file.
Result<void> CutSegment(const SegmentRequest& request, SeenSource* seen) {
  Source& source = seen->source;
  const Result<Segment> segment = FindSegment(
      request, source.header.num_samples, source.header.sample_rate_hz);
  if (!segment.ok()) return segment.error();
  seen->is_clipped = segment.value().is_clipped;
  if (segment.value().num_samples == source.header.num_samples) return {};
  source.segment_start = segment.value().start;
  source.segment_num_samples = segment.value().num_samples;
  return {};
}

Result<SeenSource> TryReadSource(const std::string& path,
                                 const ClipLimits& limits, const Preset& preset,
                                 const PieceRequest& piece) {
  const Result<InputFile> file = InputFile::Open(path, piece.range);
  if (!file.ok()) return file.error();
  const Result<SoundFile> sound = ReadHeader(file.value());
  if (!sound.ok()) return sound.error();
  SeenSource seen{.source = {.file_bytes = file.value().size_bytes(),
                             .header = sound.value().header,
                             .range = piece.range.value_or(ByteRange())},
                  .facts = file.value().facts(),
                  .identity = IdentityOf(path, file.value()),
                  .oddity = sound.value().oddity};
  if (piece.segment) {
    const Result<void> cut = CutSegment(*piece.segment, &seen);
    if (!cut.ok()) return cut.error();
  }
  const Result<Source> source = CheckLength(seen.source, limits, preset);
  if (!source.ok()) return source.error();
  seen.source = source.value();
  seen.source_identity = SourceIdentity(seen.identity, seen.source);
  return seen;
}

bool MayPass(ErrorCode code) {
  // A file that shrinks while its header is read counts as an I/O error here.
  return code == RejectCode::kIoError || code == RejectCode::kChangedSincePlan;
}

}  // namespace

uint64_t PathIdentity(const std::string& path) {
  return Xxh3_64(AbsolutePath(path));
}

uint64_t SourceIdentity(uint64_t file_identity, const Source& source) {
  if (!source.has_range()) return file_identity;
  const uint64_t range[] = {file_identity, source.range.offset,
                            source.range.num_bytes};
  return Xxh3_64(std::as_bytes(std::span(range)));
}

uint64_t PieceIdentity(uint64_t source_identity, const Source& source) {
  if (!source.is_segment()) return source_identity;
  const uint64_t piece[] = {source_identity,
                            static_cast<uint64_t>(source.segment_start),
                            static_cast<uint64_t>(source.segment_num_samples)};
  return Xxh3_64(std::as_bytes(std::span(piece)));
}

Result<SeenSource> ReadSource(const std::string& path, const ClipLimits& limits,
                              const Preset& preset, const PieceRequest& piece) {
  for (int attempt = 1;; ++attempt) {
    Result<SeenSource> seen = TryReadSource(path, limits, preset, piece);
    if (seen.ok() || !MayPass(seen.error().code) || attempt == kMaxAttempts) {
      return seen;
    }
  }
}

}  // namespace melmill
