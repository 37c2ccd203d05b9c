#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/run.h"
#include "tools/commands.h"
#include "tools/config_file.h"
#include "tools/input_flags.h"
#include "tools/progress_line.h"
#include "tools/signals.h"
#include "tools/summary.h"

namespace melmill {
namespace {

struct ValidateFlags {
  InputFlags input;
  bool json = false;
};

int RunValidateCommand(const ValidateFlags& flags) {
  const RunConfig config = MakeRunConfig(flags.input);
  static RunControl control;
  InstallSignalHandlers(&control);
  RunReport report;
  {
    const ProgressLine progress(control);
    report = RunValidate(config, &control);
  }
  const int exit_code = ExitCodeOf(report, config, control);
  if (flags.json) {
    fmt::print("{}", FormatJsonReport(report, "", exit_code));
  } else {
    fmt::print(stderr, "{}", FormatSummary(report, ""));
  }
  return exit_code;
}

}  // namespace

void AddValidateCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "validate",
      "Check manifests and the headers of all audio files; write nothing");
  auto flags = std::make_shared<ValidateFlags>();
  AddInputFlags(command, &flags->input);
  command->add_flag("--json", flags->json,
                    "Print one JSON object on standard output instead");
  AddConfigFlag(command);
  command->callback(
      [flags, exit_code] { *exit_code = RunValidateCommand(*flags); });
  command->footer(
      "Exit codes: 0 all lines are good (or rejects within --max-rejects), "
      "2 wrong usage or manifest, 3 some lines would be rejected.");
}

}  // namespace melmill
