#include "tools/melmill/usage/completion.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cassert>
#include <vector>

#include "io/manifest/utf8.h"
#include "tools/melmill/usage/external_command.h"
#include "tools/melmill/usage/flag_list.h"

namespace melmill {
namespace {

// "melmill help" and "melmill NAME" of the Python package are commands, too.
std::vector<CommandInfo> CommandsToComplete(const CLI::App& app) {
  std::vector<CommandInfo> commands = DescribeCommands(app);
  commands.push_back({.name = "help",
                      .description = "Show the help of a command",
                      .footer = "",
                      .flags = {}});
  for (const ExternalCommand& external : kKnownExternalCommands) {
    commands.push_back({.name = std::string(external.name),
                        .description = std::string(external.description),
                        .footer = "",
                        .flags = {}});
  }
  return commands;
}

std::string Join(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

std::vector<std::string> Names(const std::vector<CommandInfo>& commands) {
  std::vector<std::string> names;
  for (const CommandInfo& command : commands) names.push_back(command.name);
  return names;
}

std::vector<std::string> FlagNames(const FlagInfo& flag) {
  std::vector<std::string> names = {flag.long_name};
  if (!flag.short_name.empty()) names.push_back(flag.short_name);
  return names;
}

bool TakesFolder(const FlagInfo& flag) {
  return flag.value == "FOLDER" || flag.long_name == "STORE";
}

// Replaces each of `letters` by itself with a backslash before it.
std::string Escape(std::string_view text, std::string_view letters) {
  std::string escaped;
  for (const char c : text) {
    if (letters.find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

// The first words of a description, up to the end of its first phrase.
std::string Brief(const std::string& description) {
  const size_t end = description.find_first_of("(;:.,\n");
  std::string brief = description.substr(0, end);
  while (brief.ends_with(' ')) brief.pop_back();
  return brief;
}

std::string BashValues(const FlagInfo& flag) {
  const std::vector<std::string> choices = flag.Choices();
  if (!choices.empty()) {
    return fmt::format("COMPREPLY=($(compgen -W \"{}\" -- \"$word\"))",
                       Join(choices));
  }
  const std::string files =
      TakesFolder(flag) ? "_melmill_files -d" : "_melmill_files -f";
  if (flag.usual_values.empty()) return files;
  return fmt::format("{}; COMPREPLY+=($(compgen -W \"{}\" -- \"$word\"))",
                     files, Join(flag.usual_values));
}

std::string FormatBash(const std::vector<CommandInfo>& commands) {
  std::string text =
      // A name may hold spaces.
      "_melmill_files() {\n"
      "  compopt -o filenames 2>/dev/null\n"
      "  mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$word\")\n"
      "}\n"
      "_melmill() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} "
      "last=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  local command=${COMP_WORDS[1]} flags=\n"
      "  if ((COMP_CWORD == 1)); then\n";
  text += fmt::format(
      "    COMPREPLY=($(compgen -W \"{} --help --version\" -- \"$word\"))\n"
      "    return\n  fi\n  case $command in\n",
      Join(Names(commands)));
  for (const CommandInfo& command : commands) {
    text += fmt::format("    {})\n", command.name);
    std::vector<std::string> names;
    std::string values;
    for (const FlagInfo& flag : command.flags) {
      if (flag.is_operand) continue;
      const std::vector<std::string> spellings = FlagNames(flag);
      names.insert(names.end(), spellings.begin(), spellings.end());
      if (flag.value.empty()) continue;
      values += fmt::format("        {}) {}; return ;;\n",
                            fmt::join(spellings, "|"), BashValues(flag));
    }
    if (command.name == "help") names = Names(commands);
    if (!values.empty()) {
      text += fmt::format("      case $last in\n{}      esac\n", values);
    }
    text += fmt::format("      flags=\"{}\" ;;\n", Join(names));
  }
  return text +
         "  esac\n"
         "  if [[ $word == -* || $command == help ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$flags\" -- \"$word\"))\n"
         "  else\n"
         "    _melmill_files -f\n"
         "  fi\n"
         "}\n"
         "complete -F _melmill melmill\n";
}

// Text between single quotes, for zsh. `letters` have a meaning there.
std::string ZshText(const std::string& text, std::string_view letters) {
  return BetweenSingleQuotes(Escape(text, letters));
}

std::string ZshValue(const FlagInfo& flag) {
  const std::vector<std::string> choices = flag.Choices();
  if (!choices.empty()) return fmt::format("({})", Join(choices));
  const std::string files = TakesFolder(flag) ? "_files -/" : "_files";
  if (flag.usual_values.empty()) return files;
  return fmt::format("{{compadd {}; {}}}", Join(flag.usual_values), files);
}

std::string ZshFlag(const FlagInfo& flag) {
  const std::string label = ZshText(Brief(flag.description), "[]:\\");
  std::string text;
  if (flag.is_operand) {
    // Without a number it is the next operand.
    return fmt::format("'{}:{}:{}'", flag.is_repeatable ? "*" : "",
                       flag.long_name, ZshValue(flag));
  }
  const std::vector<std::string> names = FlagNames(flag);
  for (const std::string& name : names) {
    if (!text.empty()) text += ' ';
    text +=
        fmt::format("'{}{}[{}]", flag.is_repeatable ? "*" : "", name, label);
    if (!flag.value.empty()) {
      text += fmt::format(":{}:{}", flag.long_name.substr(2), ZshValue(flag));
    }
    text += '\'';
  }
  return text;
}

std::string FormatZsh(const std::vector<CommandInfo>& commands) {
  std::string text =
      "#compdef melmill\n"
      "_melmill() {\n"
      "  local -a commands=(\n";
  for (const CommandInfo& command : commands) {
    text += fmt::format("    '{}:{}'\n", command.name,
                        ZshText(Brief(command.description), ":\\"));
  }
  text +=
      "  )\n"
      "  if ((CURRENT == 2)); then\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  local command=$words[2]\n"
      "  shift words\n"
      "  ((CURRENT--))\n"
      "  case $command in\n";
  for (const CommandInfo& command : commands) {
    if (command.name == "help") {
      text += "    help) _describe command commands ;;\n";
    }
    if (command.flags.empty()) continue;
    text += fmt::format("    {})\n      _arguments", command.name);
    for (const FlagInfo& flag : command.flags)
      text += " \\\n        " + ZshFlag(flag);
    text += " ;;\n";
  }
  return text +
         "    *) _files ;;\n"
         "  esac\n"
         "}\n"
         "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
         "  _melmill \"$@\"\n"
         "else\n"
         "  compdef _melmill melmill\n"
         "fi\n";
}

std::string FishFlag(const CommandInfo& command, const FlagInfo& flag) {
  std::string text = fmt::format(
      "complete -c melmill -n '__fish_seen_subcommand_from {}' -l {}",
      command.name, flag.long_name.substr(2));
  if (!flag.short_name.empty()) text += " -s " + flag.short_name.substr(1);
  if (!flag.value.empty()) {
    const std::vector<std::string> choices = flag.Choices();
    if (!choices.empty()) {
      text += fmt::format(" -x -a '{}'", Join(choices));
    } else if (TakesFolder(flag)) {
      text += " -x -a '(__fish_complete_directories)'";
    } else {
      text += " -r";
      if (!flag.usual_values.empty()) {
        text += fmt::format(" -a '{}'", Join(flag.usual_values));
      }
    }
  }
  return text +
         fmt::format(" -d '{}'\n", Escape(Brief(flag.description), "'\\"));
}

std::string FormatFish(const std::vector<CommandInfo>& commands) {
  std::string text;
  for (const CommandInfo& command : commands) {
    text += fmt::format(
        "complete -c melmill -f -n __fish_use_subcommand -a {} -d '{}'\n",
        command.name, Escape(Brief(command.description), "'\\"));
  }
  text += fmt::format(
      "complete -c melmill -x -n '__fish_seen_subcommand_from help' -a '{}'\n",
      Join(Names(commands)));
  for (const CommandInfo& command : commands) {
    for (const FlagInfo& flag : command.flags) {
      if (!flag.is_operand) text += FishFlag(command, flag);
    }
  }
  return text;
}

}  // namespace

std::string FormatCompletion(const CLI::App& app, std::string_view shell) {
  const std::vector<CommandInfo> commands = CommandsToComplete(app);
  if (shell == "bash") return FormatBash(commands);
  if (shell == "zsh") return FormatZsh(commands);
  assert(shell == "fish");
  return FormatFish(commands);
}

}  // namespace melmill
