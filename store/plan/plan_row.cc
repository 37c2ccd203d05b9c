#include "store/plan/plan_row.h"

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

}  // namespace

std::vector<ColumnSpec> PlanColumns(
    const std::vector<std::string>& kept_fields) {
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
  return columns;
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
  return table->EndRow();
}

void ReadPlanRow(const TableBlock& block, size_t index, PlanRow* row) {
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
  row->kept.resize(block.num_columns() - kFirstKept);
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
