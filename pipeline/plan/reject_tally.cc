#include "pipeline/plan/reject_tally.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace melmill {
namespace {

void Merge(const Tally& more, Tally* sum) {
  const uint64_t count = sum->count + more.count;
  for (const Tally::Example& example : more.examples) sum->Add(example);
  sum->count = count;
}

std::string CauseOfMissing(const std::string& written_path,
                           const std::string& path) {
  const std::string_view cause = CauseInPath(written_path);
  if (!cause.empty()) return std::string(cause);
  std::error_code ignored;
  const std::filesystem::path folder =
      std::filesystem::path(path).parent_path();
  return folder.empty() || std::filesystem::exists(folder, ignored)
             ? "no such file"
             : "no such folder";
}

// "AAC" of "is AAC, which is not read; convert it: ...".
std::string CauseOfFormat(std::string_view message) {
  for (const std::string_view prefix : {"is ", "holds "}) {
    if (!message.starts_with(prefix)) continue;
    message.remove_prefix(prefix.size());
    const size_t end = std::min(message.find(','), message.find(" samples"));
    return std::string(message.substr(0, end));
  }
  return "unknown";
}

}  // namespace

std::string_view CauseInPath(std::string_view written_path) {
  if (written_path.find("://") != written_path.npos) return kUrlCause;
  if (written_path.starts_with('~')) return kTildeCause;
  if (written_path.find('\\') != written_path.npos) return kBackslashCause;
  return "";
}

void RejectTally::Add(const Example& example, const std::string& cause) {
  Tally::Add(example);
  const bool is_full = causes.size() >= kMaxCauses && !causes.contains(cause);
  causes[is_full ? "other" : cause].Add(example);
}

void RejectTally::Add(const RejectTally& more) {
  Merge(more, this);
  for (const auto& [cause, tally] : more.causes) Merge(tally, &causes[cause]);
}

std::string RejectCause(RejectCode code, const std::string& written_path,
                        const std::string& path, const std::string& message) {
  switch (code) {
    case RejectCode::kNotFound:
      return CauseOfMissing(written_path, path);
    case RejectCode::kForeignFormat:
    case RejectCode::kUnsupportedFormat:
      return CauseOfFormat(message);
    default:
      return "";
  }
}

uint64_t SumCounts(const RejectTallies& rejects) {
  uint64_t sum = 0;
  for (const auto& [code, tally] : rejects) sum += tally.count;
  return sum;
}

void AddRejects(const RejectTallies& more, RejectTallies* rejects) {
  for (const auto& [code, tally] : more) (*rejects)[code].Add(tally);
}

}  // namespace melmill
