#include "tools/melmill/command_error.h"

#include <fmt/format.h>

#include "pipeline/setup/setup_error.h"
#include "store/store_folder.h"
#include "tools/melmill/exit_code.h"
#include "tools/melmill/report/json_end.h"
#include "tools/melmill/report/summary_json.h"
#include "tools/melmill/terminal/console.h"

namespace melmill {

int PrintFault(const Error& error) {
  PrintJson(FormatJsonFault(error.message));
  PrintMessage(fmt::format("error: {}\n", Printable(error.message)));
  return kExitMachine;
}

void RefuseStore(const std::string& folder, const Error& error) {
  if (error.code == RejectCode::kNotFound) {
    throw SetupError(fmt::format(
        "{} is not a complete store: it has no {} (melmill info says more)",
        folder, kStoreIndexFile));
  }
  throw SetupError(
      fmt::format("{}/{}: {}", folder, kStoreIndexFile, error.message));
}

}  // namespace melmill
