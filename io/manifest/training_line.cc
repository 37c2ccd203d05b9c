#include "io/manifest/training_line.h"

#include <cassert>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>

#include "io/manifest/audio_path.h"

namespace melmill {
namespace {

std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump();
}

// Whether the field says, in the manifest, which file or which piece of it is
// meant.
bool IsOfAudio(const TrainingLine& line, const std::string& field) {
  static const std::set<std::string> kSegmentFields = {
      "start_sample", "num_samples", "offset", "start", "duration", "end"};
  return (line.segment && kSegmentFields.contains(field)) ||
         (line.range && (field == "audio_offset" || field == "audio_bytes")) ||
         (!line.audio_path.empty() && field == kAudioPathField);
}

}  // namespace

std::string FormatTrainingLine(const TrainingLine& line) {
  assert(line.kept.size() == line.kept_fields.size());
  std::string json = "{\"audio\":" + Quoted(line.audio);
  if (!line.audio_path.empty()) {
    json += ",\"audio_path\":" + Quoted(line.audio_path);
  }
  if (line.segment) {
    json += ",\"start_sample\":" + std::to_string(line.segment->start) +
            ",\"num_samples\":" + std::to_string(line.segment->num_samples);
  }
  if (line.range) {
    json += ",\"audio_offset\":" + std::to_string(line.range->offset) +
            ",\"audio_bytes\":" + std::to_string(line.range->num_bytes);
  }
  json += ",\"text\":" + Quoted(line.text);
  if (!line.prompt.empty()) json += ",\"prompt\":" + Quoted(line.prompt);
  for (size_t i = 0; i < line.kept.size(); ++i) {
    if (line.kept[i].empty() || IsOfAudio(line, line.kept_fields[i])) continue;
    json += ',' + Quoted(line.kept_fields[i]) + ':' + line.kept[i];
  }
  return json + '}';
}

}  // namespace melmill
