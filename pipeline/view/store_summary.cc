#include "pipeline/view/store_summary.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/file/line_reader.h"
#include "io/hash.h"
#include "io/manifest/language.h"
#include "pipeline/plan/piece_count.h"
#include "pipeline/run/report_parts.h"
#include "store/local_file.h"
#include "store/shard/shard_reader.h"
#include "store/shard/without_features.h"
#include "store/store_folder.h"
#include "store/table/split_table.h"
#include "store/table/table_file.h"

namespace melmill {
namespace {

class Summarizer {
 public:
  Summarizer(const std::string& folder, const StoreIndex& index)
      : folder_(folder), index_(index) {}

  Result<StoreSummary> Summarize();

 private:
  Result<void> AddTable(const SplitEntry& split);
  void AddRow(const TableBlock& block, size_t row);
  Result<void> AddShard(const ShardEntry& shard);
  Result<void> AddRejects();
  void AddDurations();
  // Notes damage. Returns the error of a file that cannot be read.
  Result<void> Note(const std::string& file, const Error& error);

  const std::string& folder_;
  const StoreIndex& index_;
  StoreSummary summary_;
  std::vector<uint32_t> durations_ms_;
  uint64_t fewest_samples_ = std::numeric_limits<uint64_t>::max();
  uint64_t most_samples_ = 0;
  PieceCount pieces_;  // by the hash of the audio string
};

Result<void> Summarizer::Note(const std::string& file, const Error& error) {
  if (error.code == ErrorCode::kMachineFault) return Unreadable(file, error);
  summary_.damages.push_back({.file = file, .what = error.message});
  return {};
}

void Summarizer::AddRow(const TableBlock& block, size_t row) {
  const uint64_t num_samples = block.Number(kSplitTableNumSamples, row);
  const uint64_t ms = num_samples * 1000 / kFeatureSampleRateHz;
  durations_ms_.push_back(static_cast<uint32_t>(
      std::min<uint64_t>(ms, std::numeric_limits<uint32_t>::max())));
  fewest_samples_ = std::min(fewest_samples_, num_samples);
  most_samples_ = std::max(most_samples_, num_samples);
  if (index_.has_pieces()) {
    const size_t piece = SplitTableFirstPiece(index_.kept_fields.size());
    if (block.Number(piece + kSplitTableSegmentNumSamples, row) > 0 ||
        block.Number(piece + kSplitTableRangeBytes, row) > 0) {
      pieces_.Add(Xxh3_64(block.Text(kSplitTableAudio, row)));
    }
  }
  CountRow(std::string(TemplateLanguage(block.Text(kSplitTableText, row))),
           num_samples, &summary_.languages);
}

Result<void> Summarizer::AddTable(const SplitEntry& split) {
  const auto table = TableFile::Open(
      folder_ + '/' + split.table.file,
      SplitTableColumns(index_.kept_fields, index_.optional_columns()));
  if (!table.ok()) return Note(split.table.file, table.error());
  const Result<void> visited = VisitRows(
      *table.value(), 0, table.value()->num_rows(),
      [this](const TableBlock& block, size_t row) -> Result<Visiting> {
        AddRow(block, row);
        return Visiting::kGoOn;
      });
  return visited.ok() ? visited : Note(split.table.file, visited.error());
}

Result<void> Summarizer::AddShard(const ShardEntry& shard) {
  const auto reader = ShardReader::Open(folder_ + '/' + shard.file);
  if (!reader.ok()) return Note(shard.file, reader.error());
  if (LacksFeatures(folder_ + '/' + shard.file)) {
    ++summary_.num_without_features;
  }
  for (const ShardRow& row : reader.value().rows()) {
    if (row.status != RowStatus::kStored) continue;
    ++summary_.rows_by_rate[static_cast<int>(row.source_rate)];
  }
  return {};
}

Result<void> Summarizer::AddRejects() {
  const std::string& file = index_.rejects.file;
  Result<LineReader> reader = LineReader::Open(folder_ + '/' + file);
  if (!reader.ok()) return Note(file, reader.error());
  while (true) {
    const Result<std::optional<Line>> line = reader.value().Next();
    if (!line.ok()) return Note(file, line.error());
    if (!line.value()) return {};
    const auto entry =
        nlohmann::json::parse(line.value()->bytes, nullptr, false);
    const auto code = entry.is_object() ? entry.find("code") : entry.end();
    if (code == entry.end() || !code->is_string()) {
      return Note(file, {ErrorCode::kDamaged, "not as melmill writes it"});
    }
    ++summary_.rejects[code->get<std::string>()];
  }
}

void Summarizer::AddDurations() {
  if (durations_ms_.empty()) return;
  const auto middle = durations_ms_.begin() +
                      static_cast<std::ptrdiff_t>(durations_ms_.size() / 2);
  std::nth_element(durations_ms_.begin(), middle, durations_ms_.end());
  const auto seconds = [](uint64_t num_samples) {
    return static_cast<double>(num_samples) / kFeatureSampleRateHz;
  };
  summary_.durations = {.shortest_s = seconds(fewest_samples_),
                        .median_s = *middle / 1000.0,
                        .longest_s = seconds(most_samples_)};
}

Result<StoreSummary> Summarizer::Summarize() {
  summary_.num_bytes = StoreBytes(index_);
  Result<void> added;
  for (const SplitEntry& split : index_.splits) {
    if (added.ok()) added = AddTable(split);
  }
  for (const ShardEntry& shard : index_.shards) {
    if (added.ok()) added = AddShard(shard);
  }
  if (added.ok()) added = AddRejects();
  if (!added.ok()) return added.error();
  AddDurations();
  summary_.num_pieces = pieces_.num_pieces();
  summary_.num_audio_of_pieces = pieces_.CountFiles();
  summary_.origin = ReadOrigin(folder_);
  summary_.certificate = FindCertificate(folder_);
  return std::move(summary_);
}

}  // namespace

Result<StoreSummary> SummarizeStore(const std::string& folder,
                                    const StoreIndex& index) {
  return Summarizer(folder, index).Summarize();
}

std::optional<Origin> ReadOrigin(const std::string& folder) {
  const auto local = LocalFile::Load(folder + '/' + kLocalFile);
  if (!local.ok()) return std::nullopt;
  return ParseOrigin(local.value()->origin());
}

}  // namespace melmill
