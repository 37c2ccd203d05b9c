#ifndef MELMILL_TOOLS_MELMILL_USAGE_HELP_TEXT_H_
#define MELMILL_TOOLS_MELMILL_USAGE_HELP_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace melmill {

// Lines of at most `width` letters, where words allow. Lines of `text` that
// start with a space stay as they are. All lines but the first start with
// `indent` spaces; the first starts in that column.
std::string Wrap(std::string_view text, size_t indent, size_t width);

// The help of the program, or of one of its commands.
std::string FormatHelp(const CLI::App& command, size_t width);

// Has `app` and its commands print FormatHelp, as wide as the terminal.
void SetHelpFormat(CLI::App* app);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_USAGE_HELP_TEXT_H_
