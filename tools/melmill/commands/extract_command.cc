#include <memory>
#include <string>
#include <vector>

#include "pipeline/run/run.h"
#include "pipeline/run/validate.h"
#include "tools/melmill/commands/commands.h"
#include "tools/melmill/commands/run_command.h"
#include "tools/melmill/flags/input_flags.h"
#include "tools/melmill/usage/command_words.h"
#include "tools/melmill/usage/config_file.h"

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
  bool dry_run = false;
  bool json = false;
  bool quiet = false;
};

// The flags that say how one run goes about it, and where the store lies. They
// are no part of the command that the store remembers.
const std::vector<std::string> kFlagsOfOneRun = {
    "color",      "config",  "dry-run",     "hang-after", "help",
    "io-threads", "json",    "memory",      "out",        "quiet",
    "rehash",     "threads", "trust-audio", "update",     "verify-resume"};

RunConfig MakeConfig(const ExtractFlags& flags, const CLI::App& command) {
  RunConfig config = MakeRunConfig(flags.input);
  config.store.folder = flags.out;
  while (config.store.folder.size() > 1 && config.store.folder.ends_with('/')) {
    config.store.folder.pop_back();
  }
  config.store.command = CommandWords(command, kFlagsOfOneRun);
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
      ->add_option("-o,--out", flags->out,
                   "Folder of the store, made if its parent exists. After an "
                   "interruption run the same command again to resume")
      ->required();
  command->add_flag("-n,--dry-run", flags->dry_run,
                    "Only check the input, as validate does, and write "
                    "nothing");
  command->add_flag("--update", flags->update,
                    "Apply changes of the manifest, its texts or its audio "
                    "files to a store that was made before");
  command->add_flag("--verify-resume", flags->verify_resume,
                    "Compare every checksum of what an earlier run made, also "
                    "those of features, and rebuild damaged files (without "
                    "it: the index of every shard and the size of every "
                    "file)");
  CLI::Option* rehash = command->add_flag(
      "--rehash", flags->rehash,
      "Read all audio of an existing store and compare it with the audio that "
      "the store was made from (without it: only files that look changed)");
  command
      ->add_flag("--trust-audio", flags->trust_audio,
                 "Do not read files that look changed but have their old "
                 "size: take them as unchanged")
      ->excludes(rehash);
  command
      ->add_option("--hang-after", flags->hang_seconds,
                   "End the run when a row makes no progress for this many "
                   "seconds (1 to 31536000, a year); the next run tries that "
                   "row alone")
      ->capture_default_str();
  command->add_flag("--json", flags->json,
                    "At the end print one JSON object on standard output "
                    "instead of the summary");
  command->add_flag("-q,--quiet", flags->quiet,
                    "Print nothing unless something went wrong");
  AddConfigFlag(command);
  command->callback([command, flags, exit_code] {
    *exit_code = RunAndReport(
        {.make_config = [&] { return MakeConfig(*flags, *command); },
         .run = flags->dry_run ? RunValidate : RunExtract,
         .json = flags->json,
         .quiet = flags->quiet});
  });
  command->footer(
      "Examples:\n"
      "  melmill extract train.jsonl eval.jsonl --out features/\n"
      "  melmill extract train=data/a.jsonl -o features/ --audio-root data/\n"
      "  melmill extract train.jsonl -o features/ --preset whisper --dtype "
      "f32\n"
      "\n"
      "Exit codes: 0 all lines stored (or rejects within --max-rejects), "
      "2 wrong usage or input, nothing written, 3 some lines rejected, "
      "4 fault of the machine, 130/143 stopped by a signal, within 11 s; after "
      "4, 130 and 143 the same command resumes.");
}

}  // namespace melmill
