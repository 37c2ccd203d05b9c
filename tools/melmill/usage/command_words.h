#ifndef MELMILL_TOOLS_MELMILL_USAGE_COMMAND_WORDS_H_
#define MELMILL_TOOLS_MELMILL_USAGE_COMMAND_WORDS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace melmill {

// The words of a command that was parsed: "melmill", its name, the values of
// its positional arguments, and the flags that were given, also those from a
// configuration file. Leaves out the flags in `except`, named without dashes.
std::vector<std::string> CommandWords(const CLI::App& command,
                                      const std::vector<std::string>& except);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_USAGE_COMMAND_WORDS_H_
