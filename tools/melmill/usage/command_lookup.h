#ifndef MELMILL_TOOLS_MELMILL_USAGE_COMMAND_LOOKUP_H_
#define MELMILL_TOOLS_MELMILL_USAGE_COMMAND_LOOKUP_H_

#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace melmill {

// All commands of the app, in order of definition.
std::vector<CLI::App*> AllCommands(CLI::App* app);
std::vector<const CLI::App*> AllCommands(const CLI::App& app);

// Returns nullptr if there is none of that name.
const CLI::App* FindCommand(const CLI::App& app, const std::string& name);

// The flag or operand that a file of flags calls `name`: without "--". Returns
// nullptr if the command has none.
const CLI::Option* FindFlagOfFile(const CLI::App& command,
                                  const std::string& name);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_USAGE_COMMAND_LOOKUP_H_
