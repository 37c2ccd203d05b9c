#include "io/manifest/training_line.h"

#include <cassert>
#include <cstddef>
#include <nlohmann/json.hpp>

namespace melmill {
namespace {

std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump();
}

}  // namespace

std::string FormatTrainingLine(const TrainingLine& line) {
  assert(line.kept.size() == line.kept_fields.size());
  std::string json =
      "{\"audio\":" + Quoted(line.audio) + ",\"text\":" + Quoted(line.text);
  if (!line.prompt.empty()) json += ",\"prompt\":" + Quoted(line.prompt);
  for (size_t i = 0; i < line.kept.size(); ++i) {
    if (line.kept[i].empty()) continue;
    json += ',' + Quoted(line.kept_fields[i]) + ':' + line.kept[i];
  }
  return json + '}';
}

}  // namespace melmill
