#include <memory>

#include "pipeline/run/run.h"
#include "pipeline/run/validate.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/commands/run_command.h"
#include "tools/melmill/flags/input_flags.h"
#include "tools/melmill/usage/config_file.h"

namespace melmill {
namespace {

struct ValidateFlags {
  InputFlags input;
  bool json = false;
  bool list = false;
};

}  // namespace

void AddValidateCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "validate",
      "Check manifests and the headers of all audio files; write nothing");
  auto flags = std::make_shared<ValidateFlags>();
  AddInputFlags(command, &flags->input);
  command->add_flag("--json", flags->json,
                    "Print one JSON object on standard output instead of the "
                    "report");
  command->add_flag("--list", flags->list,
                    "Print every rejected line, not only examples");
  AddConfigFlag(command);
  command->callback([flags, exit_code] {
    *exit_code = RunAndReport(
        {.make_config = [&] { return MakeRunConfig(flags->input); },
         .run = RunValidate,
         .json = flags->json,
         .list = flags->list && !flags->json});
  });
  command->footer(
      "Examples:\n"
      "  melmill validate train.jsonl eval.jsonl\n"
      "  melmill validate train.jsonl --list > rejected.txt\n"
      "\n"
      "Exit codes: 0 all lines are good (or rejects within --max-rejects), "
      "2 wrong usage or manifest, 3 some lines would be rejected.");
}

}  // namespace melmill
