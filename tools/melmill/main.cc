#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

#include "pipeline/setup/run_config.h"
#include "pipeline/setup/setup_error.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/commands/config_file.h"
#include "tools/melmill/exit_code.h"
#include "tools/melmill/report/json_end.h"
#include "tools/melmill/report/summary_json.h"
#include "tools/melmill/terminal/console.h"

namespace {

// Makes the C library return the memory of a shard or a long row to the system
// once it is freed. By default the C library raises this size to that of the
// largest block freed, and keeps twice as much for every thread. The memory of
// a row's input (1 MiB) is kept: fresh pages for each row cost 5 % of a run.
void GiveLargeBlocksBack() {
  mallopt(M_MMAP_THRESHOLD, 2 << 20);
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
}

int Run(int argc, char** argv) {
  CLI::App app(
      "melmill turns JSONL manifests of WAV files into stores of log-mel "
      "features that training reads directly.");
  app.set_version_flag("--version", "melmill " MELMILL_VERSION);
  app.require_subcommand(1);
  app.footer("Run melmill COMMAND --help for the options of a command.");
  melmill::ReadConfigFiles(&app);
  // This comes before the flags are parsed, so that a wrong flag ends in an
  // object, too.
  if (std::find(argv, argv + argc, std::string_view("--json")) != argv + argc) {
    melmill::ExpectJson();
  }
  int exit_code = melmill::kExitOk;
  melmill::AddExtractCommand(&app, &exit_code);
  melmill::AddValidateCommand(&app, &exit_code);
  melmill::AddInfoCommand(&app, &exit_code);
  melmill::AddShowCommand(&app, &exit_code);
  melmill::AddVerifyCommand(&app, &exit_code);
  melmill::AddBenchCommand(&app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error, std::cout, std::cerr);
    if (status == 0) return melmill::kExitOk;
    melmill::PrintJson(melmill::FormatJsonSetupError(error.what()));
    return melmill::kExitUsage;
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
