#ifndef MELMILL_TOOLS_MELMILL_FLAGS_INPUT_FLAGS_H_
#define MELMILL_TOOLS_MELMILL_FLAGS_INPUT_FLAGS_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/setup/run_config.h"
#include "tools/melmill/flags/machine_flags.h"

namespace melmill {

// The flags that extract and validate share: the input, and how it is read.
struct InputFlags {
  std::vector<std::string> manifests;
  std::string preset = "qwen3-asr";
  std::string feature_type = "f16";
  std::string audio_root;
  ManifestFields fields;
  std::vector<std::string> kept_fields;
  bool no_text = false;
  bool strict_text = false;
  bool segments = false;
  bool whole_files = false;
  double max_duration_s = 1200;
  bool truncate = false;
  std::string max_rejects;
  std::string shard_bytes;
  MachineFlags machine;
  std::optional<std::string> resampler;
};

void AddInputFlags(CLI::App* command, InputFlags* flags);

// Throws SetupError for invalid values.
RunConfig MakeRunConfig(const InputFlags& flags);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_FLAGS_INPUT_FLAGS_H_
