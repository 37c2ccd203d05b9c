#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "pipeline/setup/setup_error.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/exit_code.h"
#include "tools/melmill/terminal/console.h"
#include "tools/melmill/usage/completion.h"
#include "tools/melmill/usage/man_page.h"

namespace melmill {
namespace {

std::string Generate(const CLI::App& app, const std::string& what) {
  if (what == "man") return FormatManPage(app, MELMILL_VERSION);
  if (what == "bash" || what == "zsh" || what == "fish") {
    return FormatCompletion(app, what);
  }
  throw SetupError("melmill generate " + what +
                   ": write bash, zsh, fish or man");
}

}  // namespace

void AddGenerateCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "generate", "Print a shell's completion script, or the manual page");
  auto what = std::make_shared<std::string>();
  command->add_option("WHAT", *what, "bash, zsh, fish, or man")
      ->type_name("bash|zsh|fish|man")
      ->required();
  command->callback([app, what, exit_code] {
    *exit_code = PrintResult(Generate(*app, *what)) ? kExitOk : kExitMachine;
  });
  command->footer(
      "Examples:\n"
      "  source <(melmill generate bash)\n"
      "  melmill generate fish > ~/.config/fish/completions/melmill.fish\n"
      "  melmill generate man | man -l -");
}

}  // namespace melmill
