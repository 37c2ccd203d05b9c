#include "tools/melmill/commands/run_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_control.h"
#include "tools/melmill/exit_code.h"
#include "tools/melmill/report/json_end.h"
#include "tools/melmill/report/rejects_text.h"
#include "tools/melmill/report/summary_json.h"
#include "tools/melmill/report/summary_text.h"
#include "tools/melmill/terminal/console.h"
#include "tools/melmill/terminal/progress_line.h"
#include "tools/melmill/terminal/signals.h"

namespace melmill {
namespace {

// Ends the process at once: its threads cannot be ended.
[[noreturn]] void EndProcess(const RunControl& control,
                             const std::string& message) {
  PrintJson(FormatJsonFault(message, control));
  PrintMessage(fmt::format("error: {}\n{}\n", Printable(message),
                           FormatKept(control.shards_kept + control.shards_made,
                                      control.shards_in_all)));
  _exit(kExitMachine);
}

RunReport RunWatched(const RunCommand& command, const RunConfig& config,
                     RunControl* control) {
  InstallSignalHandlers(control);
  control->end_process = [control](const std::string& message) {
    EndProcess(*control, message);
  };
  std::optional<ProgressLine> progress;
  if (!command.quiet) progress.emplace(*control);
  if (!command.quiet && !command.json) {
    control->on_planned = [&progress, &config](const PlanNotice& notice) {
      progress->PrintLine(FormatFeatures(config.features) +
                          FormatNotice(notice));
    };
  }
  if (command.list) {
    control->on_rejected = [](const LedgerEntry& entry) {
      PrintResult(FormatRejectedLine(entry));
    };
  }
  return command.run(config, control);
}

// Returns false if the summary cannot be written.
bool PrintReport(const RunCommand& command, const RunReport& report,
                 const RunConfig& config, int exit_code) {
  if (command.quiet && exit_code == kExitOk) return true;
  PrintMessage(FormatWarnings(report));
  std::string summary = FormatSummary(report, config);
  if (report.status == RunStatus::kPlanned) {
    summary = FormatFeatures(config.features) + summary;
  }
  const bool printed = PrintResult(summary);
  PrintMessage(FormatProblem(report, config));
  return printed;
}

}  // namespace

int RunAndReport(const RunCommand& command) {
  static RunControl control;
  if (command.json) ExpectJson();
  const RunConfig config = command.make_config();
  const RunReport report = RunWatched(command, config, &control);
  const int exit_code = ExitCodeOf(report, config, control);
  const bool printed =
      command.json
          ? PrintJson(FormatJsonReport(report, config.store.folder, exit_code))
          : PrintReport(command, report, config, exit_code);
  return printed ? exit_code : kExitMachine;
}

}  // namespace melmill
