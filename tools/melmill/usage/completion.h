#ifndef MELMILL_TOOLS_MELMILL_USAGE_COMPLETION_H_
#define MELMILL_TOOLS_MELMILL_USAGE_COMPLETION_H_

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace melmill {

// A script with which a shell (bash, zsh or fish) completes melmill's commands,
// flags, the values that a flag lists, and file names.
std::string FormatCompletion(const CLI::App& app, std::string_view shell);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_USAGE_COMPLETION_H_
