#include "pipeline/parts/stored_rejects.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "io/file/line_reader.h"
#include "io/reject_code.h"
#include "pipeline/setup/run_config.h"
#include "store/json_object.h"

namespace melmill {
namespace {

std::map<std::string, RejectCode, std::less<>> CodesByName() {
  std::map<std::string, RejectCode, std::less<>> codes;
  for (int number = 1; number <= 255; ++number) {
    const ErrorCode code{static_cast<RejectCode>(number)};
    if (!code.is_reject()) continue;
    codes.emplace(RejectCodeName(code.reject()), code.reject());
  }
  return codes;
}

class Reader {
 public:
  explicit Reader(const std::string& audio_root) : audio_root_(audio_root) {}

  Result<RejectTallies> Read(const std::string& path);

 private:
  void Add(std::string_view line);

  const std::string& audio_root_;
  const std::map<std::string, RejectCode, std::less<>> codes_ = CodesByName();
  RejectTallies rejects_;
};

void Reader::Add(std::string_view line) {
  if (!IsUsableObject(line)) return;
  try {
    const auto json = ParseUsableObject<nlohmann::json>(line);
    const auto code = codes_.find(json.at("code").get<std::string>());
    if (code == codes_.end()) return;
    const Tally::Example row = {.split = json.at("split"),
                                .line = json.at("line"),
                                .audio = json.at("audio"),
                                .message = json.at("message")};
    rejects_[code->second].Add(
        row,
        RejectCause(code->second, row.audio,
                    ResolveAudioPath(audio_root_, row.audio), row.message));
  } catch (const nlohmann::json::exception&) {
  }
}

Result<RejectTallies> Reader::Read(const std::string& path) {
  Result<LineReader> reader = LineReader::Open(path);
  if (!reader.ok()) return reader.error();
  while (true) {
    const Result<std::optional<Line>> line = reader.value().Next();
    if (!line.ok()) return line.error();
    if (!line.value()) return std::move(rejects_);
    Add(line.value()->bytes);
  }
}

}  // namespace

Result<RejectTallies> ReadStoredRejects(const std::string& path,
                                        const std::string& audio_root) {
  return Reader(audio_root).Read(path);
}

}  // namespace melmill
