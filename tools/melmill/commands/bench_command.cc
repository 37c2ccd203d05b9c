#include <fmt/format.h>

#include <memory>

#include "bench/bench.h"
#include "pipeline/setup/run_control.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/exit_code.h"
#include "tools/melmill/report/bench_report.h"
#include "tools/melmill/report/json_end.h"
#include "tools/melmill/terminal/console.h"
#include "tools/melmill/terminal/signals.h"

namespace melmill {
namespace {

struct BenchFlags {
  BenchOptions options;
  bool json = false;
};

int RunBenchCommand(const BenchFlags& flags) {
  static RunControl control;
  if (flags.json) ExpectJson();
  InstallSignalHandlers(&control);
  const BenchReport report = RunBench(flags.options, &control);
  if (report.stopped) {
    PrintJsonOfSignal(control.stop_signal());
    return kExitSignal + control.stop_signal();
  }
  const bool printed = flags.json ? PrintJson(FormatBenchJson(report))
                                  : PrintResult(FormatBenchTable(report));
  if (!printed) return kExitMachine;
  if (report.all_passed()) return kExitOk;
  PrintMessage("error: wrong results; they were not timed\n");
  return kExitDamaged;
}

}  // namespace

void AddBenchCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "bench", "Measure how fast each stage is on this machine");
  auto flags = std::make_shared<BenchFlags>();
  BenchOptions& options = flags->options;
  command->add_option("STAGE", options.stages,
                      fmt::format("{} (the whole way); default: every one",
                                  fmt::join(BenchStageNames(), ", ")));
  command->add_option("--audio", options.audio,
                      "audio files, or folders of them, to measure with "
                      "(default: one minute of synthetic clips)");
  command->add_option(
      "--out", options.out,
      "Folder that the stages store and all write to, and clean "
      "up (default: $TMPDIR or /tmp); choose one on the disk "
      "that will hold your stores");
  command->add_option("-j,--threads", options.num_threads,
                      "Number of computing threads of the stage all (default, "
                      "and 0: one for each CPU that this process may use)");
  command->add_option("--rounds", options.num_rounds, "Number of timing rounds")
      ->capture_default_str();
  command->add_flag("--json", flags->json,
                    "Print one JSON object instead of a table");
  command->callback(
      [flags, exit_code] { *exit_code = RunBenchCommand(*flags); });
  command->footer(
      "Every result is checked before it is timed.\n"
      "best, median: of all rounds, in microseconds per second of audio, on "
      "one thread (all: on --threads). x real time: of the median. What "
      "computes the same takes turns clip by clip. kB/s: what a second of "
      "audio reads and writes. Compared with: "
      "the speed as a multiple of what this machine's memory (one thread that "
      "copies blocks larger than its caches, so short clips may be faster) or "
      "its disk does in the same rounds. --json says how each result was "
      "checked.\n"
      "Exit codes: 0 measured, 1 a result was wrong, 2 wrong usage or audio, "
      "4 a fault of the machine.");
}

}  // namespace melmill
