#include "tools/melmill/flags/store_flags.h"

#include <vector>

#include "tools/melmill/usage/command_words.h"

namespace melmill {
namespace {

// The flags that say how one run goes about it, and where the store lies. They
// are no part of the command that the store remembers.
const std::vector<std::string> kFlagsOfOneRun = {
    "color",      "config",      "dry-run",    "grace",
    "hang-after", "help",        "io-threads", "json",
    "memory",     "out",         "quiet",      "rehash",
    "threads",    "trust-audio", "update",     "verify-resume"};

}  // namespace

void AddOutFlag(CLI::App* command, std::string* out,
                const std::string& description) {
  command->add_option("-o,--out", *out, description)->required();
}

void AddStoreFlags(CLI::App* command, StoreFlags* flags) {
  AddOutFlag(command, &flags->out,
             "Folder of the store, made if its parent exists. After an "
             "interruption run the same command again to resume");
  command->add_flag("--update", flags->update,
                    "Apply changes of the manifest, its texts or its audio "
                    "files to a store that was made before");
  CLI::Option* rehash = command->add_flag(
      "--rehash", flags->rehash,
      "Read all audio of an existing store and compare it with the audio that "
      "the store was made from (without it: only files that look changed)");
  command
      ->add_flag("--trust-audio", flags->trust_audio,
                 "Do not read files that look changed but have their old "
                 "size: take them as unchanged")
      ->excludes(rehash);
}

std::string FolderOf(const std::string& out) {
  std::string folder = out;
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  return folder;
}

void SetStore(const StoreFlags& flags, const CLI::App& command,
              StoreChoice* store) {
  store->folder = FolderOf(flags.out);
  store->command = CommandWords(command, kFlagsOfOneRun);
  store->update = flags.update;
  if (flags.rehash) store->audio_check = AudioCheck::kAll;
  if (flags.trust_audio) store->audio_check = AudioCheck::kNone;
}

}  // namespace melmill
