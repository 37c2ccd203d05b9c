#include <memory>
#include <string>

#include "pipeline/lines/part_number.h"
#include "pipeline/parts/run_plan_part.h"
#include "pipeline/run/run.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/commands/run_command.h"
#include "tools/melmill/flags/input_flags.h"
#include "tools/melmill/flags/report_flags.h"
#include "tools/melmill/flags/store_flags.h"
#include "tools/melmill/usage/config_file.h"

namespace melmill {
namespace {

struct PlanFlags {
  InputFlags input;
  StoreFlags store;
  std::string part;
  ReportFlags report;
};

RunConfig MakeConfig(const PlanFlags& flags, const CLI::App& command) {
  RunConfig config = MakeRunConfig(flags.input);
  SetStore(flags.store, command, &config.store);
  return config;
}

int RunPlanCommand(const PlanFlags& flags, const CLI::App& command) {
  RunCommand run = {.make_config = [&] { return MakeConfig(flags, command); },
                    .run = RunPlan,
                    .json = flags.report.json,
                    .quiet = flags.report.quiet};
  if (command.count("--part") > 0) {
    const PartNumber part = ParsePart(flags.part);
    run.run = [part](const RunConfig& config, RunControl* control) {
      return RunPlanPart(config, part, control);
    };
  }
  return RunAndReport(run);
}

}  // namespace

void AddPlanCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "plan", "Plan a store that many processes or machines will make");
  auto flags = std::make_shared<PlanFlags>();
  AddInputFlags(command, &flags->input);
  AddStoreFlags(command, &flags->store);
  command
      ->add_option(
          "--part", flags->part,
          "Read only part i of N of the manifests, as in 3/8, and keep what "
          "was "
          "read for melmill plan without --part: every Nth chunk of 16 MiB, "
          "counted from i modulo N. Any machine may do any part, in any order "
          "and any number of times. Worth it when files are many and slow to "
          "open")
      ->excludes(command->get_option("--update"));
  AddReportFlags(command, &flags->report);
  AddConfigFlag(command);
  command->callback([command, flags, exit_code] {
    *exit_code = RunPlanCommand(*flags, *command);
  });
  command->footer(
      "Examples:\n"
      "  melmill plan train.jsonl eval.jsonl --out features/\n"
      "  melmill extract --out features/ --part 0/8     on any machine; also "
      "1/8 to 7/8\n"
      "  melmill finish --out features/\n"
      "\n"
      "Exit codes: 0 planned (also with rejects within --max-rejects), 2 wrong "
      "usage or input, no plan written, 3 more lines rejected than "
      "--max-rejects allows, no plan written, 4 fault of the machine, 130/143 "
      "stopped by a signal; after 4, 130 and 143 run the same command again.");
}

}  // namespace melmill
