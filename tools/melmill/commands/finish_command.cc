#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "pipeline/parts/part_config.h"
#include "pipeline/parts/run_finish.h"
#include "pipeline/view/store_summary.h"
#include "store/origin.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/commands/run_command.h"
#include "tools/melmill/flags/flag_values.h"
#include "tools/melmill/flags/machine_flags.h"
#include "tools/melmill/flags/report_flags.h"
#include "tools/melmill/flags/store_flags.h"
#include "tools/melmill/usage/config_file.h"

namespace melmill {
namespace {

constexpr char kMaxRejectsFlag[] = "--max-rejects";

struct FinishFlags {
  std::string out;
  std::string audio_root;
  std::string max_rejects;
  MachineFlags machine;
  ReportFlags report;
};

// The limit of the command that planned or made a complete store, if the
// store's `.local` remembers it.
std::string LimitOf(const Origin& origin) {
  const auto flag = std::ranges::find(origin.command, kMaxRejectsFlag);
  const bool has_value =
      flag != origin.command.end() && std::next(flag) != origin.command.end();
  return has_value ? *std::next(flag) : "";
}

// A complete store has no job.json any more, which has all this before. Without
// an origin it was made elsewhere, and its rejects were accepted there or not.
void AddOrigin(RunConfig* config) {
  const std::optional<Origin> origin = ReadOrigin(config->store.folder);
  if (!origin) {
    config->max_rejects = {.value = 100, .is_percent = true};
    return;
  }
  if (config->input.audio_root.empty()) {
    config->input.audio_root = origin->audio_folder();
  }
  const std::string limit = LimitOf(*origin);
  if (!limit.empty()) config->max_rejects = ParseMaxRejects(limit);
}

RunConfig MakeConfig(const FinishFlags& flags) {
  RunConfig config =
      MakePartConfig({.folder = FolderOf(flags.out),
                      .audio_root = flags.audio_root,
                      .simd = flags.machine.simd,
                      .resources = MakeResources(flags.machine)});
  const bool is_complete = config.input.splits.empty();
  if (is_complete) AddOrigin(&config);
  if (!flags.max_rejects.empty()) {
    config.max_rejects = ParseMaxRejects(flags.max_rejects);
  }
  return config;
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
  command->add_option(kMaxRejectsFlag, flags->max_rejects,
                      "Accept up to N rejected lines, or P% of all (default: "
                      "as for melmill plan)");
  AddMachineFlags(command, &flags->machine);
  AddPatienceFlags(command, &flags->machine);
  AddReportFlags(command, &flags->report);
  AddConfigFlag(command);
  command->callback([flags, exit_code] {
    *exit_code =
        RunAndReport({.make_config = [&] { return MakeConfig(*flags); },
                      .run = RunFinish,
                      .json = flags->report.json,
                      .quiet = flags->report.quiet});
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
