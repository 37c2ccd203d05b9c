#include "pipeline/folder/doubts_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "io/file/durable_file.h"
#include "store/json_object.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

std::string FormatDoubt(const DoubtfulRow& row) {
  auto json = nlohmann::ordered_json::object();
  json["shard"] = row.shard;
  json["split"] = row.split;
  json["line"] = row.line;
  json["audio"] = row.audio;
  json["message"] = row.message;
  json["host"] = row.machine.host;
  json["boot_id"] = row.machine.boot_id;
  return JsonText(json) + '\n';
}

std::optional<DoubtfulRow> ParseDoubt(std::string_view line) {
  if (!IsUsableObject(line)) return std::nullopt;
  try {
    const auto json = ParseUsableObject<nlohmann::json>(line);
    DoubtfulRow row;
    json.at("shard").get_to(row.shard);
    json.at("split").get_to(row.split);
    json.at("line").get_to(row.line);
    json.at("audio").get_to(row.audio);
    json.at("message").get_to(row.message);
    json.at("host").get_to(row.machine.host);
    json.at("boot_id").get_to(row.machine.boot_id);
    return row;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

Result<void> ReadDoubtsOf(const std::string& path,
                          std::vector<DoubtfulRow>* rows) {
  constexpr size_t kMaxBytes = size_t{1} << 26;
  const Result<std::string> text = ReadSmallFile(path, kMaxBytes);
  if (!text.ok()) {
    // Another process may have removed it, and anybody may have damaged it.
    if (text.error().code != ErrorCode::kMachineFault) return {};
    return text.error();
  }
  std::string_view left = text.value();
  while (!left.empty()) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(line.size() + 1, left.size()));
    if (auto row = ParseDoubt(line)) rows->push_back(std::move(*row));
  }
  return {};
}

}  // namespace

Result<void> WriteDoubts(const std::string& folder,
                         const std::vector<DoubtfulRow>& rows) {
  std::string text;
  for (const DoubtfulRow& row : rows) text += FormatDoubt(row);
  return WriteFileDurably(folder + '/' + DoubtsFileName(), text);
}

size_t CountRows(const std::vector<DoubtfulRow>& doubts) {
  std::set<std::pair<std::string_view, uint64_t>> rows;
  for (const DoubtfulRow& row : doubts) rows.emplace(row.split, row.line);
  return rows.size();
}

Result<std::vector<DoubtfulRow>> ReadDoubts(const std::string& folder) {
  const Result<std::vector<std::string>> names = ListFolder(folder);
  if (!names.ok()) return names.error();
  std::vector<DoubtfulRow> rows;
  for (const std::string& name : names.value()) {
    if (!IsDoubtsFileName(name)) continue;
    const Result<void> read = ReadDoubtsOf(folder + '/' + name, &rows);
    if (!read.ok()) return read.error();
  }
  return rows;
}

}  // namespace melmill
