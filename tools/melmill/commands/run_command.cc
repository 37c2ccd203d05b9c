#include "tools/melmill/commands/run_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>

#include "pipeline/run/run_report.h"
#include "pipeline/setup/run_control.h"
#include "tools/melmill/exit_code.h"
#include "tools/melmill/report/json_end.h"
#include "tools/melmill/report/rejects_text.h"
#include "tools/melmill/report/settings_text.h"
#include "tools/melmill/report/summary_json.h"
#include "tools/melmill/report/summary_text.h"
#include "tools/melmill/report/warnings_text.h"
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

// Sets `*has_warned` once the plan's warnings are shown.
RunReport RunWatched(const RunCommand& command, const RunConfig& config,
                     RunControl* control, bool* has_warned) {
  control->grace = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(config.resources.grace_seconds));
  InstallSignalHandlers(control);
  control->end_process = [control](const std::string& message) {
    EndProcess(*control, message);
  };
  std::optional<ProgressLine> progress;
  // A list goes to the same screen.
  if (!command.quiet && !command.list) progress.emplace(*control);
  if (progress && !command.json) {
    control->on_planned = [&progress, &config,
                           has_warned](const PlanNotice& notice) {
      progress->PrintLine(DescribeFeatures(config.features) + '\n' +
                          FormatNotice(notice) +
                          FormatPlanWarnings(*notice.plan));
      *has_warned = true;
    };
  }
  if (command.list) {
    control->on_rejected = [](const LedgerEntry& entry) {
      static bool can_print = true;  // one message is enough
      can_print = can_print && PrintResult(FormatRejectedLine(entry));
    };
  }
  return command.run(config, control);
}

// Returns false if the summary cannot be written.
bool PrintReport(const RunCommand& command, const RunReport& report,
                 const RunConfig& config, int exit_code, bool has_warned) {
  if (command.quiet && exit_code == kExitOk) return true;
  if (report.plan && !has_warned) {
    PrintMessage(FormatPlanWarnings(*report.plan));
  }
  PrintMessage(FormatWarnings(report));
  std::string summary = FormatSummary(report, config);
  if (report.status == RunStatus::kPlanned) {
    summary = DescribeFeatures(config.features) + '\n' + summary;
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
  bool has_warned = false;
  const RunReport report = RunWatched(command, config, &control, &has_warned);
  const int exit_code = ExitCodeOf(report, config, control);
  const bool printed =
      command.json
          ? PrintJson(FormatJsonReport(report, config.store.folder, exit_code))
          : PrintReport(command, report, config, exit_code, has_warned);
  return printed ? exit_code : kExitMachine;
}

}  // namespace melmill
