#include <memory>
#include <optional>
#include <string>

#include "pipeline/parts/part_config.h"
#include "pipeline/parts/run_part.h"
#include "pipeline/run/run.h"
#include "pipeline/run/validate.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/commands/run_command.h"
#include "tools/melmill/flags/input_flags.h"
#include "tools/melmill/flags/machine_flags.h"
#include "tools/melmill/flags/part_flags.h"
#include "tools/melmill/flags/report_flags.h"
#include "tools/melmill/flags/store_flags.h"
#include "tools/melmill/usage/config_file.h"

namespace melmill {
namespace {

struct ExtractFlags {
  InputFlags input;
  StoreFlags store;
  PartFlags part;
  bool verify_resume = false;
  bool dry_run = false;
  ReportFlags report;
};

RunConfig MakeConfig(const ExtractFlags& flags, const CLI::App& command) {
  RunConfig config = MakeRunConfig(flags.input);
  SetStore(flags.store, command, &config.store);
  config.store.verify_resume = flags.verify_resume;
  return config;
}

RunConfig MakeConfigOfPart(const ExtractFlags& flags) {
  return MakePartConfig({.folder = FolderOf(flags.store.out),
                         .audio_root = flags.input.audio_root,
                         .simd = flags.input.machine.simd,
                         .resources = MakeResources(flags.input.machine)});
}

int RunExtractCommand(const ExtractFlags& flags, const CLI::App& command) {
  RunCommand run = {.json = flags.report.json, .quiet = flags.report.quiet};
  if (const auto part = ChoosePart(flags.part, command)) {
    run.make_config = [&] { return MakeConfigOfPart(flags); };
    run.run = [&](const RunConfig& config, RunControl* control) {
      return RunPart(config, *part, control);
    };
    return RunAndReport(run);
  }
  if (flags.input.manifests.empty()) throw CLI::RequiredError("MANIFEST");
  run.make_config = [&] { return MakeConfig(flags, command); };
  run.run = flags.dry_run ? RunValidate : RunExtract;
  return RunAndReport(run);
}

}  // namespace

void AddExtractCommand(CLI::App* app, int* exit_code) {
  CLI::App* command =
      app->add_subcommand("extract", "Make a feature store from manifests");
  auto flags = std::make_shared<ExtractFlags>();
  AddInputFlags(command, &flags->input);
  command->get_option("MANIFEST")->required(false);  // a part takes none
  AddStoreFlags(command, &flags->store);
  AddPartFlags(command, &flags->part);
  command->add_flag("-n,--dry-run", flags->dry_run,
                    "Only check the input, as validate does, and write "
                    "nothing");
  command->add_flag("--verify-resume", flags->verify_resume,
                    "Compare every checksum of what an earlier run made, also "
                    "those of features, and rebuild damaged files (without "
                    "it: the index of every shard and the size of every "
                    "file)");
  AddPatienceFlags(command, &flags->input.machine);
  AddReportFlags(command, &flags->report);
  AddConfigFlag(command);
  command->callback([command, flags, exit_code] {
    *exit_code = RunExtractCommand(*flags, *command);
  });
  command->footer(
      "Examples:\n"
      "  melmill extract train.jsonl eval.jsonl --out features/\n"
      "  melmill extract train=data/a.jsonl -o features/ --audio-root data/\n"
      "  melmill extract train.jsonl -o features/ --preset whisper --dtype "
      "f32\n"
      "  melmill extract -o features/ --part 3/8    after melmill plan\n"
      "\n"
      "Exit codes: 0 all lines stored (or rejects within --max-rejects; of a "
      "part: its shards are there), 2 wrong usage or input, nothing written, 3 "
      "some lines rejected, 4 fault of the machine, 130/143 stopped by a "
      "signal, at most 1 s after the grace; after 4, 130 and 143 the same "
      "command resumes.");
}

}  // namespace melmill
