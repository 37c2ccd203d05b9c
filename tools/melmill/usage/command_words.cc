#include "tools/melmill/usage/command_words.h"

#include <algorithm>

namespace melmill {
namespace {

bool IsFlagWithoutValue(const CLI::Option& option) {
  return option.get_items_expected_max() == 0;
}

void AddFlag(const CLI::Option& option, std::vector<std::string>* words) {
  const std::string name = "--" + option.get_lnames().front();
  if (IsFlagWithoutValue(option)) {
    if (option.results().back() != "false") words->push_back(name);
    return;
  }
  for (const std::string& value : option.results()) {
    words->push_back(name);
    words->push_back(value);
  }
}

}  // namespace

std::vector<std::string> CommandWords(const CLI::App& command,
                                      const std::vector<std::string>& except) {
  std::vector<std::string> words = {"melmill", command.get_name()};
  const std::vector<const CLI::Option*> options = command.get_options();
  for (const CLI::Option* option : options) {
    if (!option->get_positional()) continue;
    for (const std::string& value : option->results()) words.push_back(value);
  }
  for (const CLI::Option* option : options) {
    if (option->get_positional() || option->count() == 0) continue;
    const std::string& name = option->get_lnames().front();
    if (std::ranges::find(except, name) == except.end()) {
      AddFlag(*option, &words);
    }
  }
  return words;
}

}  // namespace melmill
