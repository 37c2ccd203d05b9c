#include "tools/melmill/usage/help_text.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "tools/melmill/terminal/terminal_size.h"
#include "tools/melmill/usage/command_lookup.h"
#include "tools/melmill/usage/external_command.h"
#include "tools/melmill/usage/flag_list.h"

namespace melmill {
namespace {

constexpr size_t kMinWidth = 30;
constexpr size_t kMaxWidth = 100;

// Where descriptions start: close to the names where the screen is narrow.
size_t DescriptionColumn(size_t width) { return width < 60 ? 6 : 26; }

// One entry of a list: a name, and its description beside or below it.
std::string Entry(const std::string& name, const std::string& description,
                  size_t width) {
  const size_t column = DescriptionColumn(width);
  std::string text = "  " + name;
  if (text.size() + 2 > column) {
    text += '\n' + std::string(column, ' ');
  } else {
    text.resize(column, ' ');
  }
  return text + Wrap(description, column, width) + '\n';
}

std::string UsageLine(const CommandInfo& command) {
  std::string text = "Usage: melmill " + command.name;
  for (const FlagInfo& flag : command.flags) {
    if (!flag.is_operand) continue;
    const std::string name = flag.Synopsis();
    text += flag.is_required ? " " + name : " [" + name + "]";
  }
  for (const FlagInfo& flag : command.flags) {
    if (flag.is_operand || !flag.is_required) continue;
    text += fmt::format(" {} {}", flag.long_name, flag.value);
  }
  return text + " [flags]";
}

std::string DescribeFlag(const FlagInfo& flag) {
  if (flag.default_value.empty()) return flag.description;
  return fmt::format("{} (default: {})", flag.description, flag.default_value);
}

std::string FormatFlags(const CommandInfo& command, size_t width) {
  std::vector<std::string> groups = {"Input", "Store", "Features", "Machine",
                                     "Messages"};
  for (const FlagInfo& flag : command.flags) {
    if (std::find(groups.begin(), groups.end(), flag.group) == groups.end()) {
      groups.push_back(flag.group);
    }
  }
  std::string text;
  for (const std::string& group : groups) {
    std::string entries;
    for (const FlagInfo& flag : command.flags) {
      if (flag.group != group) continue;
      entries += Entry(flag.Synopsis(), DescribeFlag(flag), width);
    }
    if (!entries.empty()) text += fmt::format("\n{}:\n{}", group, entries);
  }
  return text;
}

std::string FormatCommandHelp(const CLI::App& app, size_t width) {
  const CommandInfo command = DescribeCommand(app);
  return Wrap(UsageLine(command), 0, width) + "\n\n" +
         Wrap(command.description + ".", 0, width) + '\n' +
         FormatFlags(command, width) + '\n' + Wrap(command.footer, 0, width) +
         '\n';
}

std::string FormatAppHelp(const CLI::App& app, size_t width) {
  std::string text = Wrap(app.get_description(), 0, width) +
                     "\n\nUsage: melmill COMMAND [flags]\n\nCommands:\n";
  for (const CommandInfo& command : DescribeCommands(app)) {
    text += Entry(command.name, command.description, width);
  }
  text += "\nCommands of the Python package:\n";
  for (const ExternalCommand& command : kKnownExternalCommands) {
    text += Entry(std::string(command.name), std::string(command.description),
                  width);
  }
  return text + FormatFlags(DescribeCommand(app), width) + '\n' +
         Wrap(app.get_footer(), 0, width) + '\n';
}

}  // namespace

std::string Wrap(std::string_view text, size_t indent, size_t width) {
  width = std::max(width, indent + 20);
  std::string wrapped;
  size_t column = indent;
  bool is_first_word = true;
  while (!text.empty()) {
    if (text[0] == '\n') {
      wrapped += '\n' + std::string(indent, ' ');
      column = indent;
      is_first_word = true;
      text.remove_prefix(1);
      continue;
    }
    // A line that starts with a space is an example.
    const bool is_verbatim = is_first_word && text[0] == ' ';
    const size_t end =
        std::min(text.find_first_of(is_verbatim ? "\n" : " \n"), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end);
    if (!text.empty() && text[0] == ' ') text.remove_prefix(1);
    if (!is_first_word) {
      if (column + 1 + word.size() > width) {
        wrapped += '\n' + std::string(indent, ' ');
        column = indent;
      } else {
        wrapped += ' ';
        ++column;
      }
    }
    wrapped += word;
    column += word.size();
    is_first_word = false;
  }
  return wrapped;
}

std::string FormatHelp(const CLI::App& command, size_t width) {
  width = std::clamp(width, kMinWidth, kMaxWidth);
  return command.get_parent() == nullptr ? FormatAppHelp(command, width)
                                         : FormatCommandHelp(command, width);
}

void SetHelpFormat(CLI::App* app) {
  const auto format = [](const CLI::App* command, const std::string&,
                         CLI::AppFormatMode) {
    return FormatHelp(*command, TerminalColumns(STDOUT_FILENO));
  };
  app->formatter_fn(format);
  for (CLI::App* command : AllCommands(app)) command->formatter_fn(format);
}

}  // namespace melmill
