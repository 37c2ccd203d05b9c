#ifndef MELMILL_TOOLS_MELMILL_TERMINAL_COLOR_H_
#define MELMILL_TOOLS_MELMILL_TERMINAL_COLOR_H_

#include <string>
#include <string_view>

namespace melmill {

enum class Style { kBold, kError, kWarning, kBar };

// Sets whether messages are coloured: "always", "never", or "auto", which
// follows the environment (NO_COLOR, CLICOLOR_FORCE, TERM=dumb) and otherwise
// colours on a terminal alone. Throws SetupError for another word.
void ChooseColor(const std::string& when);

// Whether standard error gets colours.
bool MessagesHaveColor();

// The text in a style, if messages have colour.
std::string Styled(Style style, std::string_view text);

// Colours the words "error:" and "warning:" at the start of lines, if messages
// have colour.
std::string StyledMessage(std::string_view text);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_TERMINAL_COLOR_H_
