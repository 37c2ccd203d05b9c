#include "store/rejects.h"

#include <nlohmann/json.hpp>

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
  // Paths are bytes: replace what is not UTF-8 rather than fail.
  constexpr bool kEnsureAscii = false;
  return json.dump(-1, ' ', kEnsureAscii,
                   nlohmann::ordered_json::error_handler_t::replace) +
         "\n";
}

}  // namespace melmill
