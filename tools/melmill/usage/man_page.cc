#include "tools/melmill/usage/man_page.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "tools/melmill/usage/external_command.h"
#include "tools/melmill/usage/flag_list.h"

namespace melmill {
namespace {

// Text as troff reads it: '-' is typed as it stands, and no line is taken for a
// command.
std::string Roff(std::string_view text) {
  std::string safe;
  bool starts_line = true;
  for (const char c : text) {
    if (starts_line && (c == '.' || c == '\'')) safe += "\\&";
    starts_line = c == '\n';
    if (c == '\\') {
      safe += "\\e";
    } else if (c == '-') {
      safe += "\\-";
    } else {
      safe += c;
    }
  }
  return safe;
}

// Paragraphs, with examples (lines that start with a space) as they stand.
std::string Paragraphs(std::string_view text) {
  std::string roff;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const bool is_example = line.starts_with(' ');
    roff += is_example ? ".br\n.RS 4\n" + Roff(line.substr(2)) + "\n.RE\n"
                       : ".PP\n" + Roff(line) + '\n';
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return roff;
}

std::string Tagged(const std::string& name, const std::string& text) {
  return fmt::format(".TP\n.B {}\n{}\n", Roff(name), Roff(text));
}

std::string DescribeFlags(const CommandInfo& command) {
  std::string text;
  for (const FlagInfo& flag : command.flags) {
    std::string description = flag.description;
    if (!flag.default_value.empty()) {
      description += fmt::format(" (default: {})", flag.default_value);
    }
    std::string name = flag.Synopsis();
    name.erase(0, name.find_first_not_of(' '));
    text += Tagged(name, description);
  }
  return text;
}

}  // namespace

std::string FormatManPage(const CLI::App& app, std::string_view version) {
  std::string text = fmt::format(
      ".TH MELMILL 1 \"\" \"melmill {}\" \"User Commands\"\n"
      ".SH NAME\nmelmill \\- {}\n"
      ".SH SYNOPSIS\n.B melmill\n.I COMMAND\n[flags]\n"
      ".SH COMMANDS\n",
      version, Roff("makes stores of log-mel features for training"));
  for (const CommandInfo& command : DescribeCommands(app)) {
    text += Tagged(command.name, command.description + '.');
  }
  for (const ExternalCommand& command : kKnownExternalCommands) {
    text += Tagged(
        std::string(command.name),
        fmt::format("{}. Part of the Python package.", command.description));
  }
  for (const CommandInfo& command : DescribeCommands(app)) {
    text += fmt::format(".SH MELMILL {}\n", command.name);
    text += Paragraphs(command.description + '.');
    text += DescribeFlags(command) + Paragraphs(command.footer);
  }
  return text;
}

}  // namespace melmill
