#include "pipeline/view/stored_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "dsp/features/feature_grid.h"
#include "dsp/features/feature_type.h"
#include "dsp/log_mel/log_mel.h"
#include "io/manifest/language.h"
#include "store/damage.h"
#include "store/shard/shard_reader.h"
#include "store/shard/without_features.h"
#include "store/table/split_table.h"
#include "store/table/table_file.h"

namespace melmill {
namespace {

Error WithFile(const std::string& file, const Error& error) {
  if (error.code == ErrorCode::kMachineFault) return Unreadable(file, error);
  return {ErrorCode::kDamaged, fmt::format("{}: {}", file, error.message)};
}

StoredRow MakeRow(const SplitEntry& split, size_t num_kept,
                  OptionalColumns optional, const TableBlock& block, size_t i) {
  StoredRow row;
  row.split = split.name;
  row.row = block.first_row() + i;
  row.line = block.Number(kSplitTableLine, i);
  row.audio = block.Text(kSplitTableAudio, i);
  row.text = block.Text(kSplitTableText, i);
  row.prompt = block.Text(kSplitTablePrompt, i);
  for (size_t k = 0; k < num_kept; ++k) {
    row.kept.emplace_back(block.Text(kSplitTableFirstKept + k, i));
  }
  row.num_samples = block.Number(kSplitTableNumSamples, i);
  row.num_frames = block.Number(kSplitTableNumFrames, i);
  row.shard = block.Number(kSplitTableShard, i);
  row.start = block.Number(kSplitTableStart, i);
  if (optional.pieces) {
    const size_t first = SplitTableFirstPiece(num_kept);
    row.segment_start = block.Number(first + kSplitTableSegmentStart, i);
    row.segment_num_samples =
        block.Number(first + kSplitTableSegmentNumSamples, i);
    row.source_rate_hz = block.Number(first + kSplitTableSourceRate, i);
    row.range = {block.Number(first + kSplitTableRangeOffset, i),
                 block.Number(first + kSplitTableRangeBytes, i)};
  }
  if (optional.audio_paths) {
    row.audio_path =
        block.Text(SplitTableAudioPath(num_kept, optional.pieces), i);
  }
  return row;
}

// The values of a row of bytes. Every preset has these options but for n_mels,
// which does not matter here.
std::vector<float> WidenBytes(const ShardRow& row, size_t n_mels,
                              std::span<const std::byte> bytes) {
  const LogMelOptions options;
  const uint16_t body = GridStep(NormalisedFloor(options, row.body_max));
  const uint16_t end = GridStep(row.floor);
  const auto num_end_frames = static_cast<size_t>(
      NumEndFrames(options, static_cast<int64_t>(row.num_samples)));
  const size_t first_end =
      bytes.size() - std::min(bytes.size(), num_end_frames * n_mels);
  std::vector<float> values(bytes.size());
  for (size_t i = 0; i < bytes.size(); ++i) {
    values[i] =
        GridValue(i < first_end ? body : end, static_cast<uint8_t>(bytes[i]));
  }
  return values;
}

}  // namespace

double StoredRow::seconds() const {
  return static_cast<double>(num_samples) / kFeatureSampleRateHz;
}

double StoredRow::segment_start_s() const {
  return source_rate_hz == 0 ? 0
                             : static_cast<double>(segment_start) /
                                   static_cast<double>(source_rate_hz);
}

double StoredRow::segment_seconds() const {
  return source_rate_hz == 0 ? 0
                             : static_cast<double>(segment_num_samples) /
                                   static_cast<double>(source_rate_hz);
}

std::string StoredRow::language() const {
  return std::string(TemplateLanguage(text));
}

std::string StoredRow::transcript() const {
  return std::string(Transcript(text));
}

Result<void> VisitStoredRows(
    const std::string& folder, const StoreIndex& index, const SplitEntry& split,
    uint64_t first, const std::function<bool(const StoredRow&)>& visit) {
  const auto table = TableFile::Open(
      folder + '/' + split.table.file,
      SplitTableColumns(index.kept_fields, index.optional_columns()));
  if (!table.ok()) return WithFile(split.table.file, table.error());
  const Result<void> visited = VisitRows(
      *table.value(), first, table.value()->num_rows(),
      [&](const TableBlock& block, size_t i) -> Result<Visiting> {
        const StoredRow row = MakeRow(split, index.kept_fields.size(),
                                      index.optional_columns(), block, i);
        return visit(row) ? Visiting::kGoOn : Visiting::kEnough;
      });
  if (!visited.ok()) return WithFile(split.table.file, visited.error());
  return {};
}

Result<RowFeatures> ReadRowFeatures(const std::string& folder,
                                    const StoreIndex& index,
                                    const StoredRow& row) {
  if (row.shard >= index.shards.size()) {
    return Error{ErrorCode::kDamaged,
                 "the table names a shard that is not "
                 "there"};
  }
  const std::string& file = index.shards[static_cast<size_t>(row.shard)].file;
  const auto shard = ShardReader::Open(folder + '/' + file);
  if (!shard.ok()) return WithFile(file, shard.error());
  if (LacksFeatures(folder + '/' + file)) {
    return WithFile(file, MissingFeatures());
  }
  const std::vector<ShardRow>& rows = shard.value().rows();
  const auto found = std::ranges::find_if(rows, [&row](const ShardRow& of) {
    return of.status == RowStatus::kStored && of.start == row.start &&
           of.num_frames == row.num_frames;
  });
  if (found == rows.end()) {
    return WithFile(file, {ErrorCode::kDamaged, "does not have the row"});
  }
  const auto bytes =
      shard.value().ReadFeatures(static_cast<size_t>(found - rows.begin()));
  if (!bytes.ok()) return WithFile(file, bytes.error());
  const ShardSpec& spec = shard.value().spec();
  RowFeatures features = {.n_mels = static_cast<size_t>(spec.n_mels),
                          .peak = found->peak};
  features.values = spec.feature_type == FeatureType::kUint8
                        ? WidenBytes(*found, features.n_mels, bytes.value())
                        : WidenFeatures(spec.feature_type, bytes.value());
  for (float& value : features.values) value = std::max(value, found->floor);
  return features;
}

}  // namespace melmill
