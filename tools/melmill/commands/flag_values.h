#ifndef MELMILL_TOOLS_MELMILL_COMMANDS_FLAG_VALUES_H_
#define MELMILL_TOOLS_MELMILL_COMMANDS_FLAG_VALUES_H_

#include <cstdint>
#include <string>

#include "pipeline/setup/run_config.h"

namespace melmill {

// The syntax of flags' values. Each throws SetupError for what it does not
// understand.

// "path/a.jsonl" (split "a") or "NAME=path/a.jsonl". Throws SetupError for a
// suffix other than .jsonl and .json, and for a name with characters other
// than letters, digits, '-' and '_'.
SplitInput ParseSplitInput(const std::string& argument);

// "12" or "1.5%". Throws SetupError.
MaxRejects ParseMaxRejects(const std::string& text);

// "256MiB", "1GiB", "64KiB", "1000B"; decimal units (MB, GB) too. Throws
// SetupError.
uint64_t ParseByteSize(const std::string& text);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_COMMANDS_FLAG_VALUES_H_
