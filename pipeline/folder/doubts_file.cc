#include "pipeline/folder/doubts_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "io/file/durable_file.h"
#include "io/hash.h"
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
  AddMachine(row.machine, &json);
  return JsonText(json) + '\n';
}

// These throw for objects that are not as they should be.

DoubtfulRow DoubtOf(const nlohmann::json& json) {
  return {.shard = json.at("shard"),
          .split = json.at("split"),
          .line = json.at("line"),
          .audio = json.at("audio"),
          .message = json.at("message"),
          .machine = MachineOf(json)};
}

DisputedShard DisputeOf(const nlohmann::json& json) {
  return {.shard = json.at("shard"),
          .message = json.at("message"),
          .machine = MachineOf(json)};
}

template <typename Entry>
std::optional<Entry> ParseLine(std::string_view line,
                               Entry (*entry_of)(const nlohmann::json& json)) {
  if (!IsUsableObject(line)) return std::nullopt;
  try {
    return entry_of(ParseUsableObject<nlohmann::json>(line));
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

// Returns what `entry_of` makes of each line of the files that `has_name`
// names.
template <typename Entry>
Result<std::vector<Entry>> ReadLines(
    const std::string& folder, bool (*has_name)(std::string_view name),
    Entry (*entry_of)(const nlohmann::json& json)) {
  constexpr size_t kMaxBytes = size_t{1} << 26;
  const Result<std::vector<std::string>> names = ListFolder(folder);
  if (!names.ok()) return names.error();
  std::vector<Entry> entries;
  for (const std::string& name : names.value()) {
    if (!has_name(name)) continue;
    const Result<std::string> text =
        ReadSmallFile(folder + '/' + name, kMaxBytes);
    if (!text.ok()) {
      // Another process may have removed it, and anybody may have damaged it.
      if (text.error().code != ErrorCode::kMachineFault) continue;
      return text.error();
    }
    std::string_view left = text.value();
    while (!left.empty()) {
      const std::string_view line = left.substr(0, left.find('\n'));
      left.remove_prefix(std::min(line.size() + 1, left.size()));
      if (auto entry = ParseLine(line, entry_of)) {
        entries.push_back(std::move(*entry));
      }
    }
  }
  return entries;
}

std::string DisputePath(const std::string& folder, const std::string& shard) {
  return folder + '/' + DisputeFileName(Xxh3_64(shard));
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
  return ReadLines<DoubtfulRow>(folder, IsDoubtsFileName, DoubtOf);
}

Result<void> WriteWorker(const std::string& folder, const Machine& machine) {
  auto json = nlohmann::ordered_json::object();
  AddMachine(machine, &json);
  const std::string text = JsonText(json) + '\n';
  const std::string path = folder + '/' + WorkerFileName(Xxh3_64(text));
  if (FileExists(path)) return {};
  return WriteFileDurably(path, text);
}

Result<std::vector<Machine>> ReadWorkers(const std::string& folder) {
  return ReadLines<Machine>(folder, IsWorkerFileName,
                            MachineOf<nlohmann::json>);
}

Result<void> WriteDispute(const std::string& folder,
                          const DisputedShard& disputed) {
  const std::string path = DisputePath(folder, disputed.shard);
  if (FileExists(path)) return {};
  auto json = nlohmann::ordered_json::object();
  json["shard"] = disputed.shard;
  json["message"] = disputed.message;
  AddMachine(disputed.machine, &json);
  const Result<void> written = WriteFileDurably(path, JsonText(json) + '\n');
  if (!written.ok() && written.error().detail == EEXIST) return {};
  return written;
}

Result<std::vector<DisputedShard>> ReadDisputes(const std::string& folder) {
  Result<std::vector<DisputedShard>> disputes =
      ReadLines<DisputedShard>(folder, IsDisputeFileName, DisputeOf);
  if (disputes.ok()) {
    std::erase_if(disputes.value(), [&folder](const DisputedShard& disputed) {
      return !FileExists(folder + '/' + disputed.shard);
    });
  }
  return disputes;
}

Result<void> RequireNoDispute(const std::string& folder) {
  const Result<std::vector<DisputedShard>> disputes = ReadDisputes(folder);
  if (!disputes.ok()) return disputes.error();
  if (disputes.value().empty()) return {};
  const DisputedShard& first = disputes.value().front();
  const size_t num_others = disputes.value().size() - 1;
  return Error{
      ErrorCode::kMachineFault,
      fmt::format(
          "{} is in dispute{}; {} said: {}", first.shard,
          num_others == 0 ? "" : fmt::format(", and {} more", num_others),
          first.machine.host, first.message)};
}

Result<void> RemoveSettledDisputes(const std::string& folder) {
  const Result<std::vector<DisputedShard>> disputes =
      ReadLines<DisputedShard>(folder, IsDisputeFileName, DisputeOf);
  if (!disputes.ok()) return disputes.error();
  for (const DisputedShard& disputed : disputes.value()) {
    if (FileExists(folder + '/' + disputed.shard)) continue;
    const Result<void> removed =
        RemoveFile(DisputePath(folder, disputed.shard));
    if (!removed.ok()) return removed;
  }
  return {};
}

}  // namespace melmill
