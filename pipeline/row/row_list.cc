#include "pipeline/row/row_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

#include "dsp/resample/resampler.h"
#include "pipeline/row/row_task.h"
#include "pipeline/setup/run_config.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

// Whether planning can have produced these numbers.
bool HasPossibleHeader(const Source& source) {
  const SoundHeader& header = source.header;
  if (!IsKnown(header.encoding) || header.sample_rate_hz < kMinSampleRateHz ||
      header.sample_rate_hz > kMaxSampleRateHz || header.num_channels < 1 ||
      header.num_channels > kMaxNumChannels || header.num_samples < 1) {
    return false;
  }
  if (IsCoded(header.encoding)) {
    return header.data_offset == 0 && header.data_bytes == source.file_bytes &&
           !header.big_endian;
  }
  const auto group_bytes =
      static_cast<uint64_t>(header.bytes_per_sample_group());
  return header.data_offset <= source.file_bytes &&
         header.data_bytes <= source.file_bytes - header.data_offset &&
         header.data_bytes % group_bytes == 0 &&
         header.data_bytes / group_bytes ==
             static_cast<uint64_t>(header.num_samples);
}

bool IsPossiblePiece(const Source& source) {
  const int64_t num_in_file = source.header.num_samples;
  const ByteRange& range = source.range;
  const bool has_samples =
      source.segment_start >= 0 && source.segment_num_samples >= 0 &&
      source.segment_num_samples <= num_in_file &&
      source.segment_start <= num_in_file - source.segment_num_samples;
  const bool has_bytes =
      range.num_bytes == source.file_bytes &&
      range.offset <=
          uint64_t{INT64_MAX} - std::min<uint64_t>(range.num_bytes, INT64_MAX);
  return has_samples && (source.is_segment() || source.segment_start == 0) &&
         (has_bytes || range == ByteRange());
}

bool IsPossible(const Source& source, const Preset& preset) {
  if (!HasPossibleHeader(source) || !IsPossiblePiece(source)) return false;
  const LogMelOptions& log_mel = preset.log_mel;
  const int64_t length =
      ResampledLength(source.own_num_samples(), source.header.sample_rate_hz,
                      log_mel.mel.sample_rate_hz);
  const int64_t longest = preset.max_num_samples;
  // A clip may have been cut, but only at the preset's longest length.
  return (source.num_samples == length ||
          (source.num_samples == longest && longest < length)) &&
         source.num_samples >= MinNumSamples(log_mel) &&
         source.num_frames == NumFrames(log_mel, source.num_samples);
}

Error Contradiction(const std::string& what) {
  return {ErrorCode::kDamaged,
          fmt::format("{} contradicts itself: {}", kPlanFile, what)};
}

}  // namespace

Result<void> RowList::Add(const PlannedWork& work, const PlannedShard& shard,
                          const PlanRow& row, Hasher128* hasher) {
  if (row.split != shard.split ||
      !IsPossible(row.source, *work.features.preset)) {
    return Contradiction(fmt::format("line {} is impossible", row.line));
  }
  if (rows_.size() == shard.num_rows ||
      static_cast<uint64_t>(row.source.num_frames) >
          shard.num_frames - num_frames_) {
    return Contradiction("a shard has more rows or frames than it says");
  }
  hasher->Reset();
  HashRowSource(row, hasher);
  strings_.insert(strings_.end(), row.audio.begin(), row.audio.end());
  const size_t audio_end = strings_.size();
  strings_.insert(strings_.end(), row.audio_path.begin(), row.audio_path.end());
  rows_.push_back({.line = row.line,
                   .source = row.source,
                   .start = num_frames_,
                   .source_hash = hasher->Digest(),
                   .audio_end = audio_end,
                   .audio_path_end = strings_.size()});
  num_frames_ += static_cast<uint64_t>(row.source.num_frames);
  return {};
}

Result<RowList> RowList::Load(const PlannedWork& work,
                              const PlannedShard& shard,
                              const Quarantine& quarantine,
                              WorkPermit* permit) {
  RowList list(work.audio_root, quarantine, permit);
  list.rows_.reserve(static_cast<size_t>(shard.num_rows));
  Hasher128 hasher;
  const Result<void> visited = ForEachPlanRow(
      *work.plan.rows, shard.first_row, shard.end_row,
      [&](uint64_t, const PlanRow& row) -> Result<void> {
        return row.is_planned() ? list.Add(work, shard, row, &hasher)
                                : Result<void>();
      });
  if (!visited.ok()) return visited.error();
  if (list.size() == 0 || list.size() != shard.num_rows ||
      list.num_frames_ != shard.num_frames) {
    return Contradiction("a shard has fewer rows or frames than it says");
  }
  list.strings_.shrink_to_fit();
  list.SetOrder();
  return list;
}

void RowList::SetOrder() {
  const auto is_coded = [](const Entry& row) {
    return row.source.is_coded_segment();
  };
  if (std::none_of(rows_.begin(), rows_.end(), is_coded)) return;
  coded_segments_ = std::make_unique<CodedSegments>();
  // Each row's place: the first row of its file, and its first sample.
  std::map<std::pair<std::string_view, uint64_t>, size_t> first_rows;
  std::vector<std::pair<size_t, int64_t>> places;
  for (size_t row = 0; row < rows_.size(); ++row) {
    const Source& source = rows_[row].source;
    if (!is_coded(rows_[row])) {
      places.emplace_back(row, 0);
      continue;
    }
    const auto first =
        first_rows.try_emplace({WrittenPathOf(row), source.range.offset}, row);
    places.emplace_back(first.first->second, source.segment_start);
  }
  order_.resize(rows_.size());
  std::iota(order_.begin(), order_.end(), size_t{0});
  std::stable_sort(order_.begin(), order_.end(),
                   [&](size_t a, size_t b) { return places[a] < places[b]; });
}

std::string_view RowList::AudioOf(size_t row) const {
  const uint64_t begin = row == 0 ? 0 : rows_[row - 1].audio_path_end;
  return {strings_.data() + begin,
          static_cast<size_t>(rows_[row].audio_end - begin)};
}

std::string_view RowList::WrittenPathOf(size_t row) const {
  const auto [begin, end] =
      std::pair(rows_[row].audio_end, rows_[row].audio_path_end);
  if (begin == end) return AudioOf(row);
  return {strings_.data() + begin, static_cast<size_t>(end - begin)};
}

RowTask RowList::operator[](size_t row) const {
  const Entry& found = rows_[row];
  std::string written_path(WrittenPathOf(row));
  std::string path = ResolveAudioPath(*audio_root_, written_path);
  RowTask task = {.row = row,
                  .line = found.line,
                  .audio = std::string(AudioOf(row)),
                  .written_path = std::move(written_path),
                  .path = std::move(path),
                  .source = found.source,
                  .start = found.start,
                  .source_hash = found.source_hash,
                  .coded_segments = coded_segments_.get(),
                  .permit = permit_};
  const auto ended = quarantine_.find(found.source_hash);
  if (ended != quarantine_.end()) task.quarantine_signal = ended->second;
  return task;
}

void RowList::Clear() {
  std::vector<Entry>().swap(rows_);
  std::vector<char>().swap(strings_);
  std::vector<size_t>().swap(order_);
  coded_segments_.reset();
}

}  // namespace melmill
