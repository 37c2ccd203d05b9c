#ifndef MELMILL_TOOLS_MELMILL_FLAGS_STORE_FLAGS_H_
#define MELMILL_TOOLS_MELMILL_FLAGS_STORE_FLAGS_H_

#include <CLI/CLI.hpp>
#include <string>

#include "pipeline/setup/run_config.h"

namespace melmill {

// The flags of a run that may change a store which was made before.
struct StoreFlags {
  std::string out;
  bool update = false;
  bool rehash = false;
  bool trust_audio = false;
};

void AddStoreFlags(CLI::App* command, StoreFlags* flags);

void AddOutFlag(CLI::App* command, std::string* out,
                const std::string& description);

// The folder without slashes at its end.
std::string FolderOf(const std::string& out);

// Sets what the flags and the words of `command`, once parsed, say of the
// store.
void SetStore(const StoreFlags& flags, const CLI::App& command,
              StoreChoice* store);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_FLAGS_STORE_FLAGS_H_
