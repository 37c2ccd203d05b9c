#ifndef MELMILL_TOOLS_MELMILL_USAGE_ARGUMENT_CHECK_H_
#define MELMILL_TOOLS_MELMILL_USAGE_ARGUMENT_CHECK_H_

#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace melmill {

// Looks for a command or flag that does not exist, on the command line and in a
// --config file, before anything else is looked at. Throws SetupError that
// names it and the nearest one. `arguments` are those after the program's name.
void CheckArguments(const CLI::App& app,
                    const std::vector<std::string>& arguments);

// The message with "FILE line N: " before it, if it begins with a flag that a
// --config file among `arguments` gives and the command line does not.
std::string AddPlaceInConfigFile(const std::vector<std::string>& arguments,
                                 const std::string& message);

// What is wrong with the arguments, in melmill's words. `command` is the name
// of the command that was given.
std::string DescribeParseError(const CLI::App& app,
                               const CLI::ParseError& error,
                               const std::string& command);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_USAGE_ARGUMENT_CHECK_H_
