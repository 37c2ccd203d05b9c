#include <fmt/format.h>

#include <memory>

#include "bench/bench.h"
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
      "bench", "Measure how fast this machine does each stage");
  auto flags = std::make_shared<BenchFlags>();
  BenchOptions& options = flags->options;
  command->add_option("STAGE", options.stages,
                      fmt::format("{} (the whole way); default: every one",
                                  fmt::join(BenchStageNames(), ", ")));
  command->add_option("--audio", options.audio,
                      "WAV files, or folders of them, to measure with "
                      "(default: a minute of synthetic clips)");
  command->add_option("--out", options.out,
                      "Folder that store and all write to and clean up again "
                      "(default: $TMPDIR or /tmp): give one on the disk that "
                      "stores will be on");
  command->add_option("--threads", options.num_threads,
                      "Threads that compute in all (default, or 0: all CPUs "
                      "this process may use)");
  command
      ->add_option("--rounds", options.num_rounds,
                   "How many times everything is timed; the median counts")
      ->capture_default_str();
  command->add_flag("--json", flags->json,
                    "Print one JSON object instead of a table");
  command->callback(
      [flags, exit_code] { *exit_code = RunBenchCommand(*flags); });
  command->footer(
      "Every result is checked before it is timed.\n"
      "us/s: microseconds for a second of audio, on one thread (all: on "
      "--threads). kB/s: what a second of audio makes it read and write. Of "
      "the limit: of what this machine's memory (one thread copying blocks "
      "larger than its caches, which short clips may outdo) or its disk can "
      "do, measured in the same rounds.\n"
      "Exit codes: 0 measured, 1 a result was wrong, 2 wrong usage or audio, "
      "4 a fault of the machine.");
}

}  // namespace melmill
