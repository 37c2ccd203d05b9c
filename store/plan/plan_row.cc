#include "store/plan/plan_row.h"

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
constexpr char kLastPieceColumn[] = "range_bytes";

// In a run of hashed rows it stands where another row has the length of its
// audio string, which is never so large.
constexpr uint64_t kPieceMark = std::numeric_limits<uint64_t>::max();

}  // namespace

std::vector<ColumnSpec> PlanColumns(const std::vector<std::string>& kept_fields,
                                    bool has_pieces) {
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
  if (has_pieces) {
    columns.push_back({"segment_start", ColumnType::kU64});
    columns.push_back({"segment_num_samples", ColumnType::kU64});
    columns.push_back({"range_offset", ColumnType::kU64});
    columns.push_back({kLastPieceColumn, ColumnType::kU64});
  }
  return columns;
}

bool HasPieceColumns(const std::vector<ColumnSpec>& columns) {
  return !columns.empty() && columns.back().name == kLastPieceColumn;
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
  assert(HasPieceColumns(table->columns()));
  const size_t pieces = table->columns().size() - kNumPieceColumns;
  table->AddNumber(pieces + kSegmentStart,
                   static_cast<uint64_t>(source.segment_start));
  table->AddNumber(pieces + kSegmentNumSamples,
                   static_cast<uint64_t>(source.segment_num_samples));
  table->AddNumber(pieces + kRangeOffset, source.range.offset);
  table->AddNumber(pieces + kRangeBytes, source.range.num_bytes);
  return table->EndRow();
}

void ReadPlanRow(const TableBlock& block, size_t index, bool has_pieces,
                 PlanRow* row) {
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
  const size_t pieces =
      block.num_columns() - (has_pieces ? kNumPieceColumns : 0);
  const auto piece_number = [&](PieceColumn column) {
    return has_pieces ? block.Number(pieces + column, index) : 0;
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
