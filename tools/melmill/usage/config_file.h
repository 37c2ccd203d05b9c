#ifndef MELMILL_TOOLS_MELMILL_USAGE_CONFIG_FILE_H_
#define MELMILL_TOOLS_MELMILL_USAGE_CONFIG_FILE_H_

#include <CLI/CLI.hpp>

namespace melmill {

// Lets `app` read the flags of its commands from a file. Call it before the
// commands are added.
void ReadConfigFiles(CLI::App* app);

// Adds --config FILE to a command. The file has lines "flag = value" without
// sections. The command line takes precedence. Flags that only another command
// knows are ignored, so that one file serves extract and validate. A flag that
// no command knows is an error.
void AddConfigFlag(CLI::App* command);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_USAGE_CONFIG_FILE_H_
