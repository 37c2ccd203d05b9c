#ifndef MELMILL_TOOLS_MELMILL_FLAGS_MACHINE_FLAGS_H_
#define MELMILL_TOOLS_MELMILL_FLAGS_MACHINE_FLAGS_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/setup/run_config.h"

namespace melmill {

// The flags that say how a run uses its machine. They change no byte.
struct MachineFlags {
  int num_threads = 0;
  std::optional<int> num_io_threads;
  std::string memory = "512MB";
  std::string simd = "auto";
  double hang_seconds = Resources().hang_seconds;
  double grace_seconds = Resources().grace_seconds;
};

void AddMachineFlags(CLI::App* command, MachineFlags* flags);

// `input` are files or folders of the input. Throws SetupError for invalid
// values.
Resources MakeResources(const MachineFlags& flags,
                        const std::vector<std::string>& input = {});

void AddAudioRootFlag(CLI::App* command, std::string* audio_root,
                      const std::string& description);

// --hang-after and --grace, for runs that compute rows.
void AddPatienceFlags(CLI::App* command, MachineFlags* flags);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_FLAGS_MACHINE_FLAGS_H_
