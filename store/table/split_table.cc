#include "store/table/split_table.h"

#include <algorithm>
#include <span>

#include "io/hash.h"

namespace melmill {

std::vector<ColumnSpec> SplitTableColumns(
    const std::vector<std::string>& kept_fields) {
  std::vector<ColumnSpec> columns = {
      {"line", ColumnType::kU64},        {"shard", ColumnType::kU32},
      {"start", ColumnType::kU64},       {"num_frames", ColumnType::kU32},
      {"num_samples", ColumnType::kU64}, {"text", ColumnType::kText},
      {"audio", ColumnType::kText},      {"prompt", ColumnType::kText},
  };
  for (const std::string& field : kept_fields) {
    columns.push_back({"keep_" + field, ColumnType::kText});
  }
  return columns;
}

SplitTableWriter::SplitTableWriter(const std::string& spool_folder,
                                   const std::vector<std::string>& kept_fields)
    : table_(spool_folder, SplitTableColumns(kept_fields)) {}

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
  return table_.EndRow();
}

Result<void> SplitTableWriter::WriteFile(const std::string& path) {
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
  return table_.WriteFile(path, {{"format", "melmill rows 1"}}, extras);
}

}  // namespace melmill
