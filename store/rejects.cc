#include "store/rejects.h"

#include <nlohmann/json.hpp>

#include "store/json_object.h"

namespace melmill {

std::string LedgerLine(const LedgerEntry& entry) {
  nlohmann::ordered_json json = {
      {"split", entry.split},
      {"line", entry.line},
      {"audio", entry.audio},
  };
  if (entry.piece != nullptr && entry.piece->is_segment()) {
    json["start_sample"] = entry.piece->segment_start;
    json["num_samples"] = entry.piece->segment_num_samples;
  }
  if (entry.piece != nullptr && entry.piece->has_range()) {
    json["audio_offset"] = entry.piece->range.offset;
    json["audio_bytes"] = entry.piece->range.num_bytes;
  }
  json["stage"] = RejectStageName(entry.code);
  json["code"] = RejectCodeName(entry.code);
  json["message"] = entry.message;
  return JsonText(json) + '\n';
}

}  // namespace melmill
