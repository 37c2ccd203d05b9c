#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <string>

#include "pipeline/config.h"
#include "tools/commands.h"
#include "tools/config_file.h"
#include "tools/console.h"
#include "tools/exit_codes.h"

namespace {

int Run(int argc, char** argv) {
  CLI::App app(
      "melmill turns JSONL manifests of WAV files into stores of log-mel "
      "features that training reads directly.");
  app.set_version_flag("--version", "melmill " MELMILL_VERSION);
  app.require_subcommand(1);
  app.footer("melmill COMMAND --help tells more about a command.");
  melmill::ReadConfigFiles(&app);
  int exit_code = melmill::kExitOk;
  melmill::AddExtractCommand(&app, &exit_code);
  melmill::AddValidateCommand(&app, &exit_code);
  melmill::AddInfoCommand(&app, &exit_code);
  melmill::AddVerifyCommand(&app, &exit_code);
  melmill::AddBenchCommand(&app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error, std::cout, std::cerr);
    return status == 0 ? melmill::kExitOk : melmill::kExitUsage;
  }
  return exit_code;
}

void PrintError(const std::exception& error) {
  const std::string text = melmill::PrintableLines(error.what());
  melmill::PrintMessage("error: " + text + '\n');
}

}  // namespace

int main(int argc, char** argv) {
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
