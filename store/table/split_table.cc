#include "store/table/split_table.h"

#include <algorithm>
#include <span>

#include "io/hash.h"

namespace melmill {

std::vector<ColumnSpec> SplitTableColumns(
    const std::vector<std::string>& kept_fields, OptionalColumns optional) {
  std::vector<ColumnSpec> columns = {
      {"line", ColumnType::kU64},        {"shard", ColumnType::kU32},
      {"start", ColumnType::kU64},       {"num_frames", ColumnType::kU32},
      {"num_samples", ColumnType::kU64}, {"text", ColumnType::kText},
      {"audio", ColumnType::kText},      {"prompt", ColumnType::kText},
  };
  for (const std::string& field : kept_fields) {
    columns.push_back({"keep_" + field, ColumnType::kText});
  }
  if (optional.pieces) {
    columns.push_back({"segment_start", ColumnType::kU64});
    columns.push_back({"segment_num_samples", ColumnType::kU64});
    columns.push_back({"source_rate", ColumnType::kU32});
    columns.push_back({"range_offset", ColumnType::kU64});
    columns.push_back({"range_bytes", ColumnType::kU64});
  }
  if (optional.audio_paths) {
    columns.push_back({"audio_path", ColumnType::kText});
  }
  return columns;
}

SplitTableWriter::SplitTableWriter(const std::string& spool_folder,
                                   const std::vector<std::string>& kept_fields,
                                   OptionalColumns optional)
    : optional_(optional),
      table_(spool_folder, SplitTableColumns(kept_fields, optional)) {}

Result<void> SplitTableWriter::Append(const PlanRow& plan_row,
                                      const ShardRow& shard_row, size_t shard) {
  hashes_.push_back({Xxh3_64(plan_row.audio), table_.num_rows()});
  table_.AddNumber(kSplitTableLine, plan_row.line);
  table_.AddNumber(kSplitTableShard, shard);
  table_.AddNumber(kSplitTableStart, shard_row.start);
  table_.AddNumber(kSplitTableNumFrames, shard_row.num_frames);
  table_.AddNumber(kSplitTableNumSamples, shard_row.num_samples);
  table_.AddText(kSplitTableText, plan_row.text);
  table_.AddText(kSplitTableAudio, plan_row.audio);
  table_.AddText(kSplitTablePrompt, plan_row.prompt);
  for (size_t i = 0; i < plan_row.kept.size(); ++i) {
    table_.AddText(kSplitTableFirstKept + i, plan_row.kept[i]);
  }
  if (optional_.pieces) {
    const Source& source = plan_row.source;
    const size_t first = SplitTableFirstPiece(plan_row.kept.size());
    table_.AddNumber(first + kSplitTableSegmentStart,
                     static_cast<uint64_t>(source.segment_start));
    table_.AddNumber(first + kSplitTableSegmentNumSamples,
                     static_cast<uint64_t>(source.segment_num_samples));
    table_.AddNumber(first + kSplitTableSourceRate,
                     static_cast<uint64_t>(source.header.sample_rate_hz));
    table_.AddNumber(first + kSplitTableRangeOffset, source.range.offset);
    table_.AddNumber(first + kSplitTableRangeBytes, source.range.num_bytes);
  }
  if (optional_.audio_paths) {
    table_.AddText(SplitTableAudioPath(plan_row.kept.size(), optional_.pieces),
                   plan_row.audio_path);
  }
  return table_.EndRow();
}

Result<void> SplitTableWriter::WriteFile(
    const std::string& path, const std::optional<FileIdentity>& replaced) {
  std::sort(hashes_.begin(), hashes_.end(),
            [](const HashedRow& a, const HashedRow& b) {
              return a.hash != b.hash ? a.hash < b.hash : a.row < b.row;
            });
  std::vector<uint64_t> hashes;
  std::vector<uint64_t> rows;
  hashes.reserve(hashes_.size());
  rows.reserve(hashes_.size());
  for (const HashedRow& hashed : hashes_) {
    hashes.push_back(hashed.hash);
    rows.push_back(hashed.row);
  }
  const std::vector<TableReader::ExtraDataset> extras = {
      {{"audio_hash", ElementType::kU64, {hashes.size()}},
       std::as_bytes(std::span(hashes))},
      {{"audio_hash_row", ElementType::kU64, {rows.size()}},
       std::as_bytes(std::span(rows))},
  };
  const char* const format =
      optional_.pieces ? "melmill rows 2" : "melmill rows 1";
  return table_.WriteFile(path, {{"format", format}}, extras, replaced);
}

}  // namespace melmill
