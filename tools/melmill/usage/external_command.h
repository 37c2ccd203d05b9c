#ifndef MELMILL_TOOLS_MELMILL_USAGE_EXTERNAL_COMMAND_H_
#define MELMILL_TOOLS_MELMILL_USAGE_EXTERNAL_COMMAND_H_

#include <string>
#include <string_view>
#include <vector>

namespace melmill {

// A command that another program provides: `melmill NAME` runs `melmill-NAME`
// from PATH.
struct ExternalCommand {
  std::string_view name;
  std::string_view description;
};

// The commands of melmill's Python package.
inline constexpr ExternalCommand kKnownExternalCommands[] = {
    {"certify",
     "Compare a store with what librosa and transformers compute from its "
     "audio"},
    {"convert",
     "Turn manifests of other tools into melmill's, and audio that it does not "
     "read into FLAC"},
    {"pull", "Copy a store from object storage to a local folder"},
    {"push", "Copy a store to object storage"},
    {"qwen3-asr",
     "Run a Qwen3-ASR fine-tuning script that reads a store, unedited"},
    {"ray", "Make a store on all nodes of a Ray cluster"},
    {"report", "Write a page that shows what a store holds"},
    {"stage", "Copy the remote audio of a manifest to a local folder"},
};

// The path of melmill-NAME; empty if PATH has none.
std::string FindExternalCommand(const std::string& name);

// Runs the program at `path` in place of this one. `arguments` follow its name.
// Returns only if it cannot be run.
void RunExternalCommand(const std::string& path,
                        const std::vector<std::string>& arguments);

// Whether the Python package has a command of this name.
bool IsKnownExternalCommand(std::string_view name);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_USAGE_EXTERNAL_COMMAND_H_
