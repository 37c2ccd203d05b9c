#include "store/rejects.h"

#include <nlohmann/json.hpp>

#include "store/json_object.h"

namespace melmill {

std::string LedgerLine(const LedgerEntry& entry) {
  const nlohmann::ordered_json json = {
      {"split", entry.split},
      {"line", entry.line},
      {"audio", entry.audio},
      {"stage", RejectStageName(entry.code)},
      {"code", RejectCodeName(entry.code)},
      {"message", entry.message},
  };
  return JsonText(json) + '\n';
}

}  // namespace melmill
