#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/setup/run_config.h"
#include "pipeline/setup/setup_error.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/exit_code.h"
#include "tools/melmill/report/json_end.h"
#include "tools/melmill/report/summary_json.h"
#include "tools/melmill/terminal/color.h"
#include "tools/melmill/terminal/console.h"
#include "tools/melmill/usage/argument_check.h"
#include "tools/melmill/usage/command_lookup.h"
#include "tools/melmill/usage/config_file.h"
#include "tools/melmill/usage/external_command.h"
#include "tools/melmill/usage/help_text.h"

namespace {

// Makes the C library return the memory of a shard or a long row to the system
// once it is freed. By default the C library raises this size to that of the
// largest block freed, and keeps twice as much for every thread. The memory of
// a row's input (1 MiB) is kept: fresh pages for each row cost 5 % of a run.
void GiveLargeBlocksBack() {
  mallopt(M_MMAP_THRESHOLD, 2 << 20);
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
}

void AddCommands(CLI::App* app, int* exit_code) {
  melmill::AddExtractCommand(app, exit_code);
  melmill::AddValidateCommand(app, exit_code);
  melmill::AddPlanCommand(app, exit_code);
  melmill::AddFinishCommand(app, exit_code);
  melmill::AddInfoCommand(app, exit_code);
  melmill::AddShowCommand(app, exit_code);
  melmill::AddVerifyCommand(app, exit_code);
  melmill::AddBenchCommand(app, exit_code);
  melmill::AddGenerateCommand(app, exit_code);
}

// Every command takes --color. It counts from the time it is read.
void AddColorFlag(CLI::App* app) {
  for (CLI::App* command : melmill::AllCommands(app)) {
    command
        ->add_option_function<std::string>(
            "--color", melmill::ChooseColor,
            "Colour messages; auto does so on a terminal, if NO_COLOR is not "
            "set (default: auto)")
        ->trigger_on_parse()
        ->configurable(false);
  }
}

// Runs `melmill-NAME` if this program has no command of that name and PATH has
// one. Returns if there is none. Throws SetupError for a command of the Python
// package that is not installed.
void TryExternalCommand(const CLI::App& app,
                        const std::vector<std::string>& arguments) {
  const std::string& name = arguments[0];
  if (name.starts_with('-') || melmill::FindCommand(app, name)) return;
  const std::string path = melmill::FindExternalCommand(name);
  if (!path.empty()) {
    melmill::RunExternalCommand(path, {arguments.begin() + 1, arguments.end()});
    throw melmill::SetupError("cannot run " + path);
  }
  if (!melmill::IsKnownExternalCommand(name)) return;
  throw melmill::SetupError("melmill " + name +
                            " is part of the Python package, and PATH has no "
                            "melmill-" +
                            name +
                            "\n  to install it, in a checkout: pip install "
                            "'./python[" +
                            name + "]'");
}

// Turns "help" into --help, and "help NAME" into "NAME --help".
void ReplaceHelp(std::vector<std::string>* arguments) {
  if ((*arguments)[0] != "help") return;
  arguments->erase(arguments->begin());
  if (!arguments->empty() && (*arguments)[0] == "help") arguments->clear();
  arguments->push_back("--help");
}

int Run(int argc, char** argv) {
  CLI::App app(
      "melmill turns JSONL manifests of audio files into stores of log-mel "
      "features that training reads directly.");
  app.set_version_flag("-V,--version", "melmill " MELMILL_VERSION,
                       "Show the version");
  app.set_help_flag("-h,--help", "Show this help");
  app.require_subcommand(1);
  app.footer("melmill help COMMAND shows the flags of a command.");
  melmill::ReadConfigFiles(&app);
  int exit_code = melmill::kExitOk;
  AddCommands(&app, &exit_code);
  AddColorFlag(&app);
  melmill::SetHelpFormat(&app);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) {
    melmill::PrintMessage(app.help());
    return melmill::kExitUsage;
  }
  // This comes before the flags are parsed, so that a wrong flag ends in an
  // object, too.
  if (std::find(arguments.begin(), arguments.end(), "--json") !=
      arguments.end()) {
    melmill::ExpectJson();
  }
  ReplaceHelp(&arguments);
  TryExternalCommand(app, arguments);
  melmill::CheckArguments(app, arguments);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(std::move(reversed));
  } catch (const CLI::Success& request) {
    std::ostringstream text;
    app.exit(request, text, text);
    return melmill::PrintResult(text.str()) ? melmill::kExitOk
                                            : melmill::kExitMachine;
  } catch (const CLI::ParseError& error) {
    throw melmill::SetupError(melmill::AddPlaceInConfigFile(
        arguments, melmill::DescribeParseError(app, error, arguments[0])));
  } catch (const melmill::SetupError& error) {
    throw melmill::SetupError(
        melmill::AddPlaceInConfigFile(arguments, error.what()));
  }
  return exit_code;
}

// Says why the program ends: to people, and with --json to programs.
void PrintError(const std::exception& error) {
  melmill::PrintJsonOfException(error);
  const std::string_view text = melmill::DescribeException(error);
  try {
    const std::string lines = melmill::PrintableLines(text);
    melmill::PrintMessage("error: " + lines + '\n');
  } catch (const std::exception&) {  // there is no memory for that either
    melmill::PrintMessage("error: ");
    melmill::PrintMessage(text);
    melmill::PrintMessage("\n");
  }
}

// Handles exceptions in threads of oneTBB itself, which cannot catch what it
// throws when the system gives it no more threads or memory. Anything else is a
// crash.
void EndOnTerminate() {
  static std::atomic_flag is_ending;
  if (is_ending.test_and_set()) {
    while (true) pause();  // another thread is about to end the process
  }
  try {
    if (const std::exception_ptr thrown = std::current_exception()) {
      std::rethrow_exception(thrown);
    }
  } catch (const std::bad_alloc& error) {
    PrintError(error);
    _exit(melmill::kExitMachine);
  } catch (const std::runtime_error& error) {
    PrintError(error);
    _exit(melmill::kExitMachine);
  } catch (...) {
  }
  melmill::PrintJsonOfSignal(SIGABRT);
  std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  std::set_terminate(EndOnTerminate);
  GiveLargeBlocksBack();
  melmill::OpenStandardStreams();
  try {
    return Run(argc, argv);
  } catch (const melmill::SetupError& error) {
    PrintError(error);
    return melmill::kExitUsage;
  } catch (const std::exception& error) {
    PrintError(error);
    return melmill::kExitMachine;
  }
}
