#include <memory>
#include <string>

#include "pipeline/run/run.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/commands/config_file.h"
#include "tools/melmill/commands/input_flags.h"
#include "tools/melmill/commands/run_command.h"

namespace melmill {
namespace {

struct ExtractFlags {
  InputFlags input;
  std::string out;
  bool update = false;
  bool verify_resume = false;
  bool rehash = false;
  bool trust_audio = false;
  double hang_seconds = 600;
  bool json = false;
  bool quiet = false;
};

RunConfig MakeConfig(const ExtractFlags& flags) {
  RunConfig config = MakeRunConfig(flags.input);
  config.store.folder = flags.out;
  while (config.store.folder.size() > 1 && config.store.folder.ends_with('/')) {
    config.store.folder.pop_back();
  }
  config.store.update = flags.update;
  config.store.verify_resume = flags.verify_resume;
  if (flags.rehash) config.store.audio_check = AudioCheck::kAll;
  if (flags.trust_audio) config.store.audio_check = AudioCheck::kNone;
  config.resources.hang_seconds = flags.hang_seconds;
  return config;
}

}  // namespace

void AddExtractCommand(CLI::App* app, int* exit_code) {
  CLI::App* command =
      app->add_subcommand("extract", "Make a feature store from manifests");
  auto flags = std::make_shared<ExtractFlags>();
  AddInputFlags(command, &flags->input);
  command
      ->add_option("--out", flags->out,
                   "Folder of the store; made if its parent exists. Run again "
                   "to go on after any interruption")
      ->required();
  command->add_flag("--update", flags->update,
                    "Change a store that was made from another manifest, from "
                    "other texts or files, other audio of the same size "
                    "included");
  command->add_flag("--verify-resume", flags->verify_resume,
                    "Compare every checksum of what an earlier run left, "
                    "features included, and make damaged files again (without "
                    "it: every shard's index and the sizes of all files)");
  CLI::Option* rehash = command->add_flag(
      "--rehash", flags->rehash,
      "Read all audio of a store that is there and compare it with what the "
      "store was made from (without it: files that look changed)");
  command
      ->add_flag("--trust-audio", flags->trust_audio,
                 "Take files that look changed, and have their old size, as "
                 "unchanged, without reading them")
      ->excludes(rehash);
  command
      ->add_option("--hang-after", flags->hang_seconds,
                   "A row that makes no step for this many seconds (1 to "
                   "31536000, a year) ends the run; the next one tries it "
                   "alone")
      ->capture_default_str();
  command->add_flag("--json", flags->json,
                    "Print one JSON object on standard output at the end "
                    "instead of the summary");
  command->add_flag("--quiet", flags->quiet, "Print only what went wrong");
  AddConfigFlag(command);
  command->callback([flags, exit_code] {
    *exit_code =
        RunAndReport({.make_config = [&] { return MakeConfig(*flags); },
                      .run = RunExtract,
                      .json = flags->json,
                      .quiet = flags->quiet});
  });
  command->footer(
      "Exit codes: 0 all lines stored (or rejects within --max-rejects), "
      "2 wrong usage or input, nothing written, 3 some lines rejected, "
      "4 fault of the machine, 130/143 stopped by a signal, within 11 s; after "
      "4, 130 and 143 the same command resumes.");
}

}  // namespace melmill
