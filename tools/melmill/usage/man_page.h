#ifndef MELMILL_TOOLS_MELMILL_USAGE_MAN_PAGE_H_
#define MELMILL_TOOLS_MELMILL_USAGE_MAN_PAGE_H_

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace melmill {

// The manual page melmill(1), in the macros of man(7).
std::string FormatManPage(const CLI::App& app, std::string_view version);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_USAGE_MAN_PAGE_H_
