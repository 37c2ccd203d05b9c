#ifndef MELMILL_TOOLS_MELMILL_COMMANDS_COMMANDS_H_
#define MELMILL_TOOLS_MELMILL_COMMANDS_COMMANDS_H_

#include <CLI/CLI.hpp>

namespace melmill {

// Each function adds its subcommand to `app`. The subcommand's action sets
// `*exit_code`, and throws SetupError for errors that the user must fix.
void AddExtractCommand(CLI::App* app, int* exit_code);
void AddPlanCommand(CLI::App* app, int* exit_code);
void AddFinishCommand(CLI::App* app, int* exit_code);
void AddValidateCommand(CLI::App* app, int* exit_code);
void AddInfoCommand(CLI::App* app, int* exit_code);
void AddShowCommand(CLI::App* app, int* exit_code);
void AddVerifyCommand(CLI::App* app, int* exit_code);
void AddBenchCommand(CLI::App* app, int* exit_code);
void AddGenerateCommand(CLI::App* app, int* exit_code);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_COMMANDS_COMMANDS_H_
