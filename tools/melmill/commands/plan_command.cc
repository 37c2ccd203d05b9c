#include <memory>

#include "pipeline/run/run.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/commands/run_command.h"
#include "tools/melmill/flags/input_flags.h"
#include "tools/melmill/flags/store_flags.h"
#include "tools/melmill/usage/config_file.h"

namespace melmill {
namespace {

struct PlanFlags {
  InputFlags input;
  StoreFlags store;
  bool json = false;
  bool quiet = false;
};

RunConfig MakeConfig(const PlanFlags& flags, const CLI::App& command) {
  RunConfig config = MakeRunConfig(flags.input);
  SetStore(flags.store, command, &config.store);
  return config;
}

}  // namespace

void AddPlanCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "plan", "Plan a store that many processes or machines will make");
  auto flags = std::make_shared<PlanFlags>();
  AddInputFlags(command, &flags->input);
  AddStoreFlags(command, &flags->store);
  command->add_flag("--json", flags->json,
                    "At the end print one JSON object on standard output "
                    "instead of the summary");
  command->add_flag("-q,--quiet", flags->quiet,
                    "Print nothing unless something went wrong");
  AddConfigFlag(command);
  command->callback([command, flags, exit_code] {
    *exit_code = RunAndReport(
        {.make_config = [&] { return MakeConfig(*flags, *command); },
         .run = RunPlan,
         .json = flags->json,
         .quiet = flags->quiet});
  });
  command->footer(
      "Examples:\n"
      "  melmill plan train.jsonl eval.jsonl --out features/\n"
      "  melmill extract --out features/ --part 0/8     on any machine; also "
      "1/8 to 7/8\n"
      "  melmill finish --out features/\n"
      "\n"
      "Exit codes: 0 planned (also with rejects within --max-rejects), 2 wrong "
      "usage or input, nothing written, 3 more lines rejected than "
      "--max-rejects allows, nothing written, 4 fault of the machine, 130/143 "
      "stopped by a signal; after 4, 130 and 143 run the same command again.");
}

}  // namespace melmill
