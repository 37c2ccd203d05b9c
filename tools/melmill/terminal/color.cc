#include "tools/melmill/terminal/color.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "pipeline/setup/setup_error.h"

namespace melmill {
namespace {

enum class When { kAuto, kAlways, kNever };

When when_colored = When::kAuto;

bool IsSet(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

std::string_view Code(Style style) {
  switch (style) {
    case Style::kBold:
      return "\033[1m";
    case Style::kError:
      return "\033[1;31m";
    case Style::kWarning:
      return "\033[1;33m";
    case Style::kBar:
      return "\033[32m";
  }
  return "";
}

}  // namespace

void ChooseColor(const std::string& when) {
  if (when == "always") {
    when_colored = When::kAlways;
  } else if (when == "never") {
    when_colored = When::kNever;
  } else if (when == "auto") {
    when_colored = When::kAuto;
  } else {
    throw SetupError("--color " + when + ": write auto, always or never");
  }
}

bool MessagesHaveColor() {
  if (when_colored != When::kAuto) return when_colored == When::kAlways;
  if (IsSet("NO_COLOR")) return false;
  if (IsSet("CLICOLOR_FORCE")) {
    return std::string_view(std::getenv("CLICOLOR_FORCE")) != "0";
  }
  const char* terminal = std::getenv("TERM");
  if (terminal != nullptr && std::string_view(terminal) == "dumb") return false;
  return isatty(STDERR_FILENO) == 1;
}

std::string Styled(Style style, std::string_view text) {
  if (!MessagesHaveColor()) return std::string(text);
  return std::string(Code(style)).append(text).append("\033[0m");
}

std::string StyledMessage(std::string_view text) {
  if (!MessagesHaveColor()) return std::string(text);
  std::string styled;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end);
    for (const auto& [word, style] :
         {std::pair<std::string_view, Style>("error:", Style::kError),
          std::pair<std::string_view, Style>("warning:", Style::kWarning)}) {
      if (!line.starts_with(word)) continue;
      styled += Styled(style, word);
      line.remove_prefix(word.size());
    }
    styled += line;
  }
  return styled;
}

}  // namespace melmill
