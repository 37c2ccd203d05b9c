#include "tools/melmill/usage/argument_check.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <fstream>
#include <string_view>
#include <utility>

#include "pipeline/setup/setup_error.h"
#include "tools/melmill/usage/command_lookup.h"
#include "tools/melmill/usage/flag_list.h"
#include "tools/melmill/usage/nearest_name.h"

namespace melmill {
namespace {

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names = {"help"};
  for (const CommandInfo& command : DescribeCommands(app)) {
    names.push_back(command.name);
  }
  return names;
}

std::vector<std::string> LongFlags(const CLI::App& command) {
  std::vector<std::string> names;
  for (const FlagInfo& flag : DescribeCommand(command).flags) {
    if (!flag.is_operand) names.push_back(flag.long_name);
  }
  return names;
}

[[noreturn]] void RefuseFlag(const CLI::App& command, const std::string& flag) {
  std::string hint = DidYouMean(flag, LongFlags(command));
  // What other programs call it.
  for (const auto& [other, own] :
       {std::pair("--output", "--out"), std::pair("--jobs", "--threads"),
        std::pair("--workers", "--threads"),
        std::pair("--root", "--audio-root"), std::pair("--type", "--dtype"),
        std::pair("--model", "--preset")}) {
    if (flag == other && command.get_option_no_throw(own) != nullptr) {
      hint = fmt::format("\n  did you mean {}?", own);
    }
  }
  if (hint.empty()) {
    hint = fmt::format("\n  melmill {} --help lists the flags",
                       command.get_name());
  }
  throw SetupError(fmt::format("melmill {} has no flag {}{}",
                               command.get_name(), flag, hint));
}

std::string Trim(const std::string& text) {
  constexpr const char* kBlanks = " \t\r";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool AnyCommandHas(const CLI::App& app, const std::string& flag) {
  const std::vector<const CLI::App*> commands = AllCommands(app);
  return std::any_of(
      commands.begin(), commands.end(), [&](const CLI::App* command) {
        const CLI::Option* option = FindFlagOfFile(*command, flag);
        return option != nullptr && option->get_configurable();
      });
}

// Refuses what the parser of the file would take for something else. A file
// that cannot be read is left to that parser.
void CheckConfigFile(const CLI::App& app, const CLI::App& command,
                     const std::string& path) {
  std::ifstream file(path);
  std::string text;
  for (int number = 1; std::getline(file, text); ++number) {
    const std::string line = Trim(text);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    const std::string place = fmt::format("{} line {}: ", path, number);
    if (line[0] == '[') {
      throw SetupError(fmt::format(
          "{}sections are not read\n  write each flag on a line of its own: "
          "threads = 4",
          place));
    }
    const size_t equals = line.find('=');
    if (equals == std::string::npos) {
      throw SetupError(fmt::format(
          "{}not \"flag = value\"\n  write it like this: threads = 4", place));
    }
    const std::string flag = Trim(line.substr(0, equals));
    const std::string value = Trim(line.substr(equals + 1));
    if (value.starts_with('[') && value.find(']') == std::string::npos) {
      throw SetupError(fmt::format(
          "{}the list does not end on its line\n  write it like this: "
          "{} = [\"a\", \"b\"]",
          place, flag));
    }
    if (AnyCommandHas(app, flag)) continue;
    std::vector<std::string> names = LongFlags(command);
    for (std::string& name : names) name.erase(0, 2);
    std::erase_if(names, [&](const std::string& name) {
      return !AnyCommandHas(app, name);  // such as config itself
    });
    throw SetupError(fmt::format("{}there is no flag {}{}", place, flag,
                                 DidYouMean(flag, names)));
  }
}

// The names of the --config files.
std::vector<std::string> ConfigFiles(
    const std::vector<std::string>& arguments) {
  const std::string flag = "--config";
  std::vector<std::string> files;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word.starts_with(flag + '=')) {
      files.push_back(word.substr(flag.size() + 1));
    } else if (word == flag && i + 1 < arguments.size()) {
      files.push_back(arguments[i + 1]);
    }
  }
  return files;
}

// The first line of the file that gives the flag, or 0.
int FindFlagLine(const std::string& path, const std::string& flag) {
  std::ifstream file(path);
  std::string text;
  for (int number = 1; std::getline(file, text); ++number) {
    const std::string name = Trim(text.substr(0, text.find('=')));
    if ("--" + name == flag) return number;
  }
  return 0;
}

bool TakesValue(const CLI::Option& option) {
  return option.get_items_expected_min() > 0;
}

// Checks a word that starts with '-'. Returns the option that the next word is
// the value of, or null.
const CLI::Option* CheckFlag(const CLI::App& app, const CLI::App& command,
                             const std::string& word) {
  const bool is_long = word.starts_with("--");
  const size_t equals = word.find('=');
  const std::string name = is_long ? word.substr(0, equals) : word.substr(0, 2);
  const CLI::Option* option = command.get_option_no_throw(name);
  if (option == nullptr) RefuseFlag(command, is_long ? name : word);
  if (!TakesValue(*option)) return nullptr;
  const bool has_value =
      is_long ? equals != std::string::npos : word.size() > 2;
  if (has_value && name == "--config") {
    CheckConfigFile(app, command, word.substr(equals + 1));
  }
  return has_value ? nullptr : option;
}

bool IsFlag(const std::string& word) {
  return word.size() > 1 && word[0] == '-' &&
         std::isdigit(static_cast<unsigned char>(word[1])) == 0;
}

// Whether a flag of some command takes no value.
bool IsSwitch(const CLI::App& app, const std::string& flag) {
  const std::vector<const CLI::App*> commands = AllCommands(app);
  return std::any_of(
      commands.begin(), commands.end(), [&](const CLI::App* command) {
        const CLI::Option* option = command->get_option_no_throw(flag);
        return option != nullptr && !TakesValue(*option);
      });
}

// Refuses a flag in the place of the command that the program does not have.
void CheckFlagOfProgram(const CLI::App& app, const std::string& flag) {
  if (app.get_option_no_throw(flag) != nullptr) return;
  std::string hint = flag == "-v" ? "\n  did you mean -V?"
                                  : DidYouMean(flag, {"--version", "--help"});
  if (hint.empty()) hint = "\n  melmill help lists the commands";
  throw SetupError(fmt::format("melmill has no flag {}{}", flag, hint));
}

}  // namespace

void CheckArguments(const CLI::App& app,
                    const std::vector<std::string>& arguments) {
  if (arguments.empty()) return;
  if (IsFlag(arguments[0])) return CheckFlagOfProgram(app, arguments[0]);
  const CLI::App* command = FindCommand(app, arguments[0]);
  if (command == nullptr) {
    std::string hint = DidYouMean(arguments[0], CommandNames(app));
    if (hint.empty()) hint = "\n  melmill help lists the commands";
    throw SetupError(
        fmt::format("melmill has no command \"{}\"{}", arguments[0], hint));
  }
  const CLI::Option* needs_value = nullptr;
  for (size_t i = 1; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (needs_value != nullptr) {
      if (needs_value->check_name("--config")) {
        CheckConfigFile(app, *command, word);
      }
      needs_value = nullptr;
      continue;
    }
    if (word == "--") return;
    if (IsFlag(word)) needs_value = CheckFlag(app, *command, word);
  }
}

std::string AddPlaceInConfigFile(const std::vector<std::string>& arguments,
                                 const std::string& message) {
  const std::string flag = message.substr(0, message.find(' '));
  const bool is_on_command_line = std::any_of(
      arguments.begin(), arguments.end(), [&](const std::string& word) {
        return word == flag || word.starts_with(flag + '=');
      });
  if (is_on_command_line) return message;
  for (const std::string& file : ConfigFiles(arguments)) {
    if (const int line = FindFlagLine(file, flag)) {
      return fmt::format("{} line {}: {}", file, line, message);
    }
  }
  return message;
}

std::string DescribeParseError(const CLI::App& app,
                               const CLI::ParseError& error,
                               const std::string& command) {
  std::string what = error.what();
  const auto see_help = [&command] {
    return fmt::format("\n  melmill {} --help says how", command);
  };
  if (const std::string start = "Could not convert: ";
      what.starts_with(start)) {
    what.erase(0, start.size());
    const size_t equals = what.find(" = ");
    if (equals == std::string::npos) return what;
    const std::string flag = what.substr(0, equals);
    what.replace(equals, 3, " ");
    const std::string_view wanted =
        IsSwitch(app, flag) ? "true or false" : "a number";
    return fmt::format("{}: must be {}", what, wanted);
  }
  if (const std::string start = "The following argument was not expected: ";
      what.starts_with(start)) {
    return fmt::format("melmill {}: unexpected argument \"{}\"{}", command,
                       what.substr(start.size()), see_help());
  }
  if (error.get_name() == "ArgumentMismatch") {
    return what.find(" missing") != std::string::npos
               ? what.substr(0, what.find(':')) + " needs a value"
               : what.substr(0, what.find(':')) + " was given twice";
  }
  if (error.get_name() == "RequiredError") {
    return fmt::format("melmill {}: {}{}", command, what, see_help());
  }
  return what;
}

}  // namespace melmill
