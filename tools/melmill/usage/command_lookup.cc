#include "tools/melmill/usage/command_lookup.h"

#include <CLI/CLI.hpp>

namespace melmill {

std::vector<CLI::App*> AllCommands(CLI::App* app) {
  return app->get_subcommands([](const CLI::App*) { return true; });
}

std::vector<const CLI::App*> AllCommands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

const CLI::App* FindCommand(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : AllCommands(app)) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

const CLI::Option* FindFlagOfFile(const CLI::App& command,
                                  const std::string& name) {
  const CLI::Option* option = command.get_option_no_throw("--" + name);
  return option != nullptr ? option : command.get_option_no_throw(name);
}

}  // namespace melmill
