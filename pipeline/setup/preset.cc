#include "pipeline/setup/preset.h"

#include <array>

namespace melmill {
namespace {

Preset Whisper(std::string_view name, std::string_view models, int n_mels,
               int64_t max_num_samples, bool check_template) {
  Preset preset;
  preset.name = name;
  preset.models = models;
  preset.log_mel.mel.n_mels = n_mels;  // the rest are LogMelOptions' defaults
  preset.max_num_samples = max_num_samples;
  preset.check_template = check_template;
  return preset;
}

const std::array<Preset, 2>& Presets() {
  static const std::array<Preset, 2> presets = {
      Whisper("qwen3-asr", "Qwen3-ASR and Whisper large-v3", 128, 0, true),
      Whisper("whisper", "Whisper up to large-v2", 80, 480'000, false),  // 30 s
  };
  return presets;
}

}  // namespace

const Preset* FindPreset(std::string_view name) {
  for (const Preset& preset : Presets()) {
    if (preset.name == name) return &preset;
  }
  return nullptr;
}

std::vector<std::string_view> PresetNames() {
  std::vector<std::string_view> names;
  for (const Preset& preset : Presets()) names.push_back(preset.name);
  return names;
}

}  // namespace melmill
