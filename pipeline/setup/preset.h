#ifndef MELMILL_PIPELINE_SETUP_PRESET_H_
#define MELMILL_PIPELINE_SETUP_PRESET_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "dsp/log_mel/log_mel.h"

namespace melmill {

// The features of one family of models. Presets are data: no code depends on
// the preset it works for.
struct Preset {
  std::string_view name;
  std::string_view models;  // in words: "Qwen3-ASR and Whisper large-v3"
  LogMelOptions log_mel;
  // The longest clip that the model takes, at the feature sample rate; 0 for no
  // limit.
  int64_t max_num_samples = 0;
  // Whether texts should have the form "language {Name}<asr_text>{transcript}".
  bool check_template = false;
};

// Returns nullptr if there is none of that name.
const Preset* FindPreset(std::string_view name);

std::vector<std::string_view> PresetNames();

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_PRESET_H_
