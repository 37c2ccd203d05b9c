#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

#include "pipeline/config.h"
#include "tools/commands.h"
#include "tools/config_file.h"
#include "tools/console.h"
#include "tools/exit_codes.h"

namespace {

// Has what a shard or a long row took given back once it is freed. Left alone,
// the C library raises this size to that of the largest block freed, and keeps
// twice as much for every thread. What a row's input takes (1 MiB) is kept:
// fresh pages for each row cost 5 % of a run.
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

std::string OutOf(const std::string& what, const std::string& limits) {
  return what + ": raise the limit (" + limits +
         "), or use fewer --threads and --io-threads";
}

std::string Describe(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) {
    return OutOf("out of memory", "ulimit -v, the container's");
  }
  const auto* system_error = dynamic_cast<const std::system_error*>(&error);
  if (system_error != nullptr &&
      system_error->code() == std::errc::resource_unavailable_try_again) {
    return OutOf("cannot start a thread", "ulimit -u, ulimit -v");
  }
  return error.what();
}

void PrintError(const std::exception& error) {
  const std::string text = melmill::PrintableLines(Describe(error));
  melmill::PrintMessage("error: " + text + '\n');
}

// For exceptions in threads of oneTBB itself, which cannot catch what it throws
// when the system gives it no more threads or memory. All else is a crash.
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
