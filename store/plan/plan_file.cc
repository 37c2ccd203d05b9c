#include "store/plan/plan_file.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <utility>

#include "store/json_object.h"
#include "store/plan/plan_row.h"
#include "store/store_index.h"
#include "store/table/table_file.h"

namespace melmill {
namespace {

constexpr char kPlanFormat[] = "melmill plan 1";
constexpr char kPiecePlanFormat[] = "melmill plan 2";

// Names of SegmentUse in the description.
constexpr std::pair<const char*, SegmentUse> kSegmentUses[] = {
    {"explicit", SegmentUse::kExplicit},
    {"all", SegmentUse::kAll},
    {"none", SegmentUse::kNone}};

using nlohmann::ordered_json;

// A text column in memory, in addition to those of the rows.
struct TextColumn {
  std::string bytes;
  std::vector<uint64_t> offsets = {0};

  void Add(std::string_view text) {
    bytes += text;
    offsets.push_back(bytes.size());
  }
};

// The shards of a plan as columns, in addition to its rows.
struct ShardColumns {
  TextColumn file;
  TextColumn fingerprint;
  std::vector<uint32_t> split;
  std::vector<uint64_t> first_row;
  std::vector<uint64_t> end_row;
  std::vector<uint64_t> num_rows;
  std::vector<uint64_t> num_frames;
};

ShardColumns MakeShardColumns(const Plan& plan) {
  ShardColumns columns;
  for (const PlannedShard& shard : plan.shards) {
    columns.file.Add(plan.ShardFileName(shard));
    columns.fingerprint.Add(ToHex(shard.fingerprint));
    columns.split.push_back(shard.split);
    columns.first_row.push_back(shard.first_row);
    columns.end_row.push_back(shard.end_row);
    columns.num_rows.push_back(shard.num_rows);
    columns.num_frames.push_back(shard.num_frames);
  }
  return columns;
}

template <typename T>
TableReader::ExtraDataset Column(const char* name, ElementType type,
                                 const T& values) {
  return {{name, type, {values.size()}}, std::as_bytes(std::span(values))};
}

struct Description {
  std::string json;        // text of the attribute
  TextColumn split_names;  // empty unless the names do not fit the JSON
};

// The values are objects and arrays from the start. Otherwise a null value
// becomes one, and if it finds no memory for that, its destructor crashes.
Description DescribePlan(const Plan& plan) {
  auto json = ordered_json::object();
  json["shard_target_bytes"] = plan.shard_target_bytes;
  json["kept_fields"] = plan.kept_fields;
  if (plan.has_training_manifests) json["training"] = true;
  if (plan.has_audio_paths) json["audio_paths"] = true;
  for (const auto& [name, use] : kSegmentUses) {
    if (plan.segments == use) json["segments"] = name;
  }
  Description description;
  description.json = JsonText(json);
  json["splits"] = ordered_json::array();
  for (const std::string& name : plan.split_names) {
    json["splits"].push_back(name);
    description.split_names.Add(name);
  }
  const std::string whole = JsonText(json);
  if (whole.size() <= kMaxAttributeBytes) return {whole, {}};
  return description;
}

Error BadPlan(const std::string& what) {
  return {ErrorCode::kDamaged, fmt::format("not a plan: {}", what)};
}

Result<PlannedShard> ReadShard(const TableBlock& block, size_t row,
                               const Plan& plan) {
  PlannedShard shard;
  const auto fingerprint = ParseHash128(block.Text(0, row));
  shard.split = static_cast<uint32_t>(block.Number(1, row));
  shard.first_row = block.Number(2, row);
  shard.end_row = block.Number(3, row);
  shard.num_rows = block.Number(4, row);
  shard.num_frames = block.Number(5, row);
  if (!fingerprint || shard.split >= plan.split_names.size() ||
      shard.end_row > plan.rows->num_rows() ||
      shard.first_row >= shard.end_row ||
      shard.num_rows > shard.end_row - shard.first_row) {
    return BadPlan("a shard of rows that it does not have");
  }
  shard.fingerprint = *fingerprint;
  return shard;
}

Result<void> ReadShards(const std::string& path, Plan* plan) {
  const Result<std::unique_ptr<TableFile>> shards =
      TableFile::Open(path, {{"shard_fingerprint", ColumnType::kText},
                             {"shard_split", ColumnType::kU32},
                             {"shard_first_row", ColumnType::kU64},
                             {"shard_end_row", ColumnType::kU64},
                             {"shard_num_rows", ColumnType::kU64},
                             {"shard_num_frames", ColumnType::kU64}});
  if (!shards.ok()) return shards.error();
  const TableFile& table = *shards.value();
  return VisitRows(
      table, 0, table.num_rows(),
      [plan](const TableBlock& block, size_t row) -> Result<Visiting> {
        const Result<PlannedShard> shard = ReadShard(block, row, *plan);
        if (!shard.ok()) return shard.error();
        plan->shards.push_back(shard.value());
        return Visiting::kGoOn;
      });
}

// Reads the names of splits that are too many for the description.
Result<std::vector<std::string>> ReadSplitNames(const std::string& path) {
  const Result<std::unique_ptr<TableFile>> names =
      TableFile::Open(path, {{"split_name", ColumnType::kText}});
  if (!names.ok()) return names.error();
  const TableFile& table = *names.value();
  std::vector<std::string> split_names;
  const Result<void> visited =
      VisitRows(table, 0, table.num_rows(),
                [&](const TableBlock& block, size_t row) -> Result<Visiting> {
                  split_names.emplace_back(block.Text(0, row));
                  return Visiting::kGoOn;
                });
  if (!visited.ok()) return visited.error();
  return split_names;
}

Result<void> ParseDescription(const std::string& text, Plan* plan) {
  if (!IsUsableObject(text)) return BadPlan("its description is no JSON");
  const ordered_json description = ordered_json::parse(text);
  try {
    const ordered_json& shard_bytes = description.at("shard_target_bytes");
    // Other numbers may not be representable as an integer.
    if (!shard_bytes.is_number_unsigned()) {
      return BadPlan("its shard size is no size");
    }
    plan->shard_target_bytes = shard_bytes;
    plan->kept_fields = description.at("kept_fields");
    plan->has_training_manifests = description.value("training", false);
    plan->has_audio_paths = description.value("audio_paths", false);
    const std::string segments = description.value("segments", "");
    for (const auto& [name, use] : kSegmentUses) {
      if (segments == name) plan->segments = use;
    }
    if (description.contains("splits")) {
      plan->split_names = description["splits"];
    }
  } catch (const ordered_json::exception& error) {
    return BadPlan(error.what());
  }
  const std::set<std::string> distinct(plan->kept_fields.begin(),
                                       plan->kept_fields.end());
  if (distinct.size() < plan->kept_fields.size()) {
    return BadPlan("it keeps a field twice");
  }
  return {};
}

}  // namespace

Result<void> WritePlanFile(const Plan& plan, const std::string& path,
                           const std::optional<FileIdentity>& replaced) {
  const ShardColumns shards = MakeShardColumns(plan);
  const Description description = DescribePlan(plan);
  std::vector<TableReader::ExtraDataset> extras = {
      Column("shard_file_bytes", ElementType::kU8, shards.file.bytes),
      Column("shard_file_offsets", ElementType::kU64, shards.file.offsets),
      Column("shard_fingerprint_bytes", ElementType::kU8,
             shards.fingerprint.bytes),
      Column("shard_fingerprint_offsets", ElementType::kU64,
             shards.fingerprint.offsets),
      Column("shard_split", ElementType::kU32, shards.split),
      Column("shard_first_row", ElementType::kU64, shards.first_row),
      Column("shard_end_row", ElementType::kU64, shards.end_row),
      Column("shard_num_rows", ElementType::kU64, shards.num_rows),
      Column("shard_num_frames", ElementType::kU64, shards.num_frames),
  };
  const std::vector<AttributeSpec> attributes = {
      {"format", plan.has_pieces ? kPiecePlanFormat : kPlanFormat},
      {"contract", plan.contract},
      {"producer", plan.producer},
      {"fingerprint", ToHex(plan.fingerprint)},
      {"description", description.json},
  };
  const TextColumn& names = description.split_names;
  if (!names.bytes.empty()) {
    extras.push_back(Column("split_name_bytes", ElementType::kU8, names.bytes));
    extras.push_back(
        Column("split_name_offsets", ElementType::kU64, names.offsets));
  }
  return plan.rows->WriteFile(path, attributes, extras, replaced,
                              NamesOfAbsentColumns(plan.optional_columns()));
}

Result<Plan> ReadPlanFile(const std::string& path) {
  const Result<H5Contents> contents = ReadH5Contents(path);
  if (!contents.ok()) return contents.error();
  const auto attribute = [&](const char* name) {
    const std::string* value = contents.value().FindAttribute(name);
    return value == nullptr ? std::string() : *value;
  };
  Plan plan;
  plan.has_pieces = attribute("format") == kPiecePlanFormat;
  if (!plan.has_pieces && attribute("format") != kPlanFormat) {
    return BadPlan("its format is another one");
  }
  plan.contract = attribute("contract");
  plan.producer = attribute("producer");
  const auto fingerprint = ParseHash128(attribute("fingerprint"));
  if (!fingerprint) return BadPlan("its fingerprint is none");
  plan.fingerprint = *fingerprint;
  if (!IsUsableObject(plan.contract) || !IsUsableObject(plan.producer)) {
    return BadPlan("its contract or producer is no JSON");
  }
  const Result<void> parsed = ParseDescription(attribute("description"), &plan);
  if (!parsed.ok()) return parsed.error();
  Result<std::unique_ptr<TableFile>> rows = TableFile::Open(
      path, PlanColumns(plan.kept_fields, plan.optional_columns()));
  if (!rows.ok()) return rows.error();
  plan.rows = std::move(rows).value();
  if (plan.split_names.empty()) {
    Result<std::vector<std::string>> names = ReadSplitNames(path);
    if (!names.ok()) return names.error();
    plan.split_names = std::move(names).value();
  }
  const Result<void> read = ReadShards(path, &plan);
  if (!read.ok()) return read.error();
  return plan;
}

}  // namespace melmill
