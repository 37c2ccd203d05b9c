#include <memory>
#include <string>

#include "pipeline/parts/part_config.h"
#include "pipeline/parts/run_finish.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/commands/run_command.h"
#include "tools/melmill/flags/machine_flags.h"
#include "tools/melmill/flags/store_flags.h"
#include "tools/melmill/usage/config_file.h"

namespace melmill {
namespace {

struct FinishFlags {
  std::string out;
  std::string audio_root;
  MachineFlags machine;
  bool json = false;
  bool quiet = false;
};

RunConfig MakeConfig(const FinishFlags& flags) {
  return MakePartConfig({.folder = FolderOf(flags.out),
                         .audio_root = flags.audio_root,
                         .simd = flags.machine.simd,
                         .resources = MakeResources(flags.machine)});
}

}  // namespace

void AddFinishCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "finish", "Complete a store whose parts have been made");
  auto flags = std::make_shared<FinishFlags>();
  AddOutFlag(command, &flags->out, "Folder of the planned store");
  AddAudioRootFlag(command, &flags->audio_root,
                   "Folder that relative audio paths start from on this "
                   "machine (default: as for melmill plan)");
  AddMachineFlags(command, &flags->machine);
  AddPatienceFlags(command, &flags->machine);
  command->add_flag("--json", flags->json,
                    "At the end print one JSON object on standard output "
                    "instead of the summary");
  command->add_flag("-q,--quiet", flags->quiet,
                    "Print nothing unless something went wrong");
  AddConfigFlag(command);
  command->callback([flags, exit_code] {
    *exit_code =
        RunAndReport({.make_config = [&] { return MakeConfig(*flags); },
                      .run = RunFinish,
                      .json = flags->json,
                      .quiet = flags->quiet});
  });
  command->footer(
      "Reads the index of every shard, and audio only where a part could not "
      "read a row.\n"
      "\n"
      "Exit codes: 0 the store is complete (rejects within --max-rejects), 2 "
      "wrong usage, no plan, or parts still work, 3 complete, but more lines "
      "rejected than --max-rejects allows, 4 shards are missing, or a fault of "
      "the machine, 130/143 stopped by a signal; after 4, 130 and 143 run the "
      "same command again.");
}

}  // namespace melmill
