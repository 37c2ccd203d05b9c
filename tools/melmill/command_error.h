#ifndef MELMILL_TOOLS_MELMILL_COMMAND_ERROR_H_
#define MELMILL_TOOLS_MELMILL_COMMAND_ERROR_H_

#include <string>

#include "io/result.h"

namespace melmill {

// How commands that read a store end when they cannot.

// Says why to people, and with --json to programs. Returns kExitMachine.
int PrintFault(const Error& error);

// Throws SetupError for a folder whose store.json cannot be used. `error` is
// that of ReadStoreIndex.
[[noreturn]] void RefuseStore(const std::string& folder, const Error& error);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_COMMAND_ERROR_H_
