#include "store/plan/plan_row.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>

#include "store/table/table_spool.h"

namespace melmill {
namespace {

enum PlanColumn : size_t {
  kSplit,
  kLine,
  kLineHash,
  kCode,
  kMessage,
  kAudio,
  kText,
  kPrompt,
  kFileBytes,
  kEncoding,
  kBigEndian,
  kSampleRate,
  kChannels,
  kDataOffset,
  kDataBytes,
  kSourceNumSamples,
  kNumSamples,
  kNumFrames,
  kFirstKept,
};

// The columns of pieces, counted from the first of them.
enum PieceColumn : size_t {
  kSegmentStart,
  kSegmentNumSamples,
  kRangeOffset,
  kRangeBytes,
};
constexpr std::array kPieceColumns = {"segment_start", "segment_num_samples",
                                      "range_offset", "range_bytes"};
constexpr char kAudioPathColumn[] = "audio_path";  // behind those of pieces

bool HasColumn(const std::vector<ColumnSpec>& columns, std::string_view name) {
  return std::ranges::find(columns, name, &ColumnSpec::name) != columns.end();
}

// In a run of hashed rows it stands where another row has the length of its
// audio string, which is never so large.
constexpr uint64_t kPieceMark = std::numeric_limits<uint64_t>::max();

}  // namespace

std::vector<ColumnSpec> PlanColumns(const std::vector<std::string>& kept_fields,
                                    OptionalColumns optional) {
  std::vector<ColumnSpec> columns = {
      {"split", ColumnType::kU32},
      {"line", ColumnType::kU64},
      {"line_hash", ColumnType::kU64},
      {"reject_code", ColumnType::kU8},
      {"reject_message", ColumnType::kText},
      {"audio", ColumnType::kText},
      {"text", ColumnType::kText},
      {"prompt", ColumnType::kText},
      {"file_bytes", ColumnType::kU64},
      {"source_encoding", ColumnType::kU8},
      {"source_big_endian", ColumnType::kU8},
      {"source_rate", ColumnType::kU32},
      {"source_channels", ColumnType::kU32},
      {"source_data_offset", ColumnType::kU64},
      {"source_data_bytes", ColumnType::kU64},
      {"source_num_samples", ColumnType::kU64},
      {"num_samples", ColumnType::kU64},
      {"num_frames", ColumnType::kU32},
  };
  for (const std::string& field : kept_fields) {
    columns.push_back({"keep_" + field, ColumnType::kText});
  }
  if (optional.pieces) {
    for (const char* name : kPieceColumns) {
      columns.push_back({name, ColumnType::kU64});
    }
  }
  if (optional.audio_paths) {
    columns.push_back({kAudioPathColumn, ColumnType::kText});
  }
  return columns;
}

OptionalColumns FindOptionalColumns(const std::vector<ColumnSpec>& columns) {
  return {.pieces = HasColumn(columns, kPieceColumns[0]),
          .audio_paths = HasColumn(columns, kAudioPathColumn)};
}

std::vector<std::string> NamesOfAbsentColumns(OptionalColumns present) {
  std::vector<std::string> names;
  if (!present.pieces) names.assign(kPieceColumns.begin(), kPieceColumns.end());
  if (!present.audio_paths) names.emplace_back(kAudioPathColumn);
  return names;
}

Result<void> AppendPlanRow(const PlanRow& row, TableSpool* table) {
  const Source& source = row.source;
  const SoundHeader& header = source.header;
  const bool planned = row.is_planned();
  table->AddNumber(kSplit, row.split);
  table->AddNumber(kLine, row.line);
  table->AddNumber(kLineHash, row.line_hash);
  table->AddNumber(kCode, static_cast<uint64_t>(row.code));
  table->AddText(kMessage, row.message);
  table->AddText(kAudio, row.audio);
  table->AddText(kText, row.text);
  table->AddText(kPrompt, row.prompt);
  table->AddNumber(kFileBytes, source.file_bytes);
  table->AddNumber(kEncoding,
                   planned ? static_cast<uint64_t>(header.encoding) : 0);
  table->AddNumber(kBigEndian, header.big_endian ? 1 : 0);
  table->AddNumber(kSampleRate, static_cast<uint64_t>(header.sample_rate_hz));
  table->AddNumber(kChannels, static_cast<uint64_t>(header.num_channels));
  table->AddNumber(kDataOffset, header.data_offset);
  table->AddNumber(kDataBytes, header.data_bytes);
  table->AddNumber(kSourceNumSamples,
                   static_cast<uint64_t>(header.num_samples));
  table->AddNumber(kNumSamples, static_cast<uint64_t>(source.num_samples));
  table->AddNumber(kNumFrames, static_cast<uint64_t>(source.num_frames));
  for (size_t i = 0; i < row.kept.size(); ++i) {
    table->AddText(kFirstKept + i, row.kept[i]);
  }
  assert(
      (FindOptionalColumns(table->columns()) == OptionalColumns{true, true}));
  const size_t audio_path = table->columns().size() - 1;
  const size_t pieces = audio_path - kPieceColumns.size();
  table->AddNumber(pieces + kSegmentStart,
                   static_cast<uint64_t>(source.segment_start));
  table->AddNumber(pieces + kSegmentNumSamples,
                   static_cast<uint64_t>(source.segment_num_samples));
  table->AddNumber(pieces + kRangeOffset, source.range.offset);
  table->AddNumber(pieces + kRangeBytes, source.range.num_bytes);
  table->AddText(audio_path, row.audio_path);
  return table->EndRow();
}

void ReadPlanRow(const TableBlock& block, size_t index,
                 OptionalColumns optional, PlanRow* row) {
  const auto number = [&](PlanColumn column) {
    return block.Number(column, index);
  };
  row->split = static_cast<uint32_t>(number(kSplit));
  row->line = number(kLine);
  row->line_hash = number(kLineHash);
  row->code = static_cast<RejectCode>(number(kCode));
  row->message = block.Text(kMessage, index);
  row->audio = block.Text(kAudio, index);
  row->text = block.Text(kText, index);
  row->prompt = block.Text(kPrompt, index);
  row->source.file_bytes = number(kFileBytes);
  SoundHeader& header = row->source.header;
  header.encoding = static_cast<SampleEncoding>(number(kEncoding));
  header.big_endian = number(kBigEndian) != 0;
  header.sample_rate_hz = static_cast<int>(number(kSampleRate));
  header.num_channels = static_cast<int>(number(kChannels));
  header.data_offset = number(kDataOffset);
  header.data_bytes = number(kDataBytes);
  header.num_samples = static_cast<int64_t>(number(kSourceNumSamples));
  row->source.num_samples = static_cast<int64_t>(number(kNumSamples));
  row->source.num_frames = static_cast<int64_t>(number(kNumFrames));
  const size_t audio_path =
      block.num_columns() - (optional.audio_paths ? 1 : 0);
  row->audio_path = optional.audio_paths ? block.Text(audio_path, index) : "";
  const size_t pieces =
      audio_path - (optional.pieces ? kPieceColumns.size() : 0);
  const auto piece_number = [&](PieceColumn column) {
    return optional.pieces ? block.Number(pieces + column, index) : 0;
  };
  row->source.segment_start = static_cast<int64_t>(piece_number(kSegmentStart));
  row->source.segment_num_samples =
      static_cast<int64_t>(piece_number(kSegmentNumSamples));
  row->source.range = {piece_number(kRangeOffset), piece_number(kRangeBytes)};
  row->kept.resize(pieces - kFirstKept);
  for (size_t i = 0; i < row->kept.size(); ++i) {
    row->kept[i] = block.Text(kFirstKept + i, index);
  }
}

void HashRowSource(const PlanRow& row, Hasher128* hasher) {
  const Source& source = row.source;
  const SoundHeader& header = source.header;
  hasher->UpdateSized(row.audio);
  hasher->UpdateU64s({source.file_bytes, static_cast<uint64_t>(header.encoding),
                      header.big_endian ? 1u : 0u,
                      static_cast<uint64_t>(header.sample_rate_hz),
                      static_cast<uint64_t>(header.num_channels),
                      header.data_offset, header.data_bytes,
                      static_cast<uint64_t>(source.num_samples)});
  if (!source.is_piece()) return;
  hasher->UpdateU64s({kPieceMark, static_cast<uint64_t>(source.segment_start),
                      static_cast<uint64_t>(source.segment_num_samples),
                      source.range.offset, source.range.num_bytes});
}

void HashRowContent(const PlanRow& row, Hasher128* hasher) {
  hasher->UpdateU64s({row.line_hash, static_cast<uint64_t>(row.code)});
  hasher->UpdateSized(row.message);
  HashRowSource(row, hasher);
}

void HashRow(const PlanRow& row, Hasher128* hasher) {
  hasher->UpdateU64s({row.split, row.line});
  HashRowContent(row, hasher);
}

}  // namespace melmill
