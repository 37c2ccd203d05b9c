#ifndef MELMILL_TOOLS_MELMILL_FLAGS_PART_FLAGS_H_
#define MELMILL_TOOLS_MELMILL_FLAGS_PART_FLAGS_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "pipeline/parts/part_choice.h"

namespace melmill {

// The flags that make a run of extract a part of a planned store.
struct PartFlags {
  std::string part;
  std::string shards;
};

void AddPartFlags(CLI::App* command, PartFlags* flags);

// The shards to make; nothing if `command`, once parsed, makes a whole store.
// Throws SetupError for invalid values, and if the command has what belongs to
// the plan.
std::optional<PartChoice> ChoosePart(const PartFlags& flags,
                                     const CLI::App& command);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_FLAGS_PART_FLAGS_H_
