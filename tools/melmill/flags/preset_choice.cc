#include "tools/melmill/flags/preset_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <vector>

#include "dsp/log_mel/log_mel.h"
#include "io/manifest/utf8.h"
#include "pipeline/setup/preset.h"
#include "pipeline/setup/setup_error.h"
#include "tools/melmill/usage/nearest_name.h"

namespace melmill {
namespace {

using nlohmann::json;

constexpr const char* kProcessorFile = "preprocessor_config.json";
constexpr std::string_view kWide = "qwen3-asr";  // 128 mels
constexpr std::string_view kNarrow = "whisper";  // 80 mels

struct ModelName {
  std::string_view name;  // in small letters, without its owner
  std::string_view preset;
};

// Names of models stand for all their sizes where the sizes share features.
constexpr std::array kModels = {
    ModelName{"qwen3-asr-0.6b", kWide},
    ModelName{"qwen3-asr-1.7b", kWide},
    ModelName{"qwen3-asr-0.6b-hf", kWide},
    ModelName{"qwen3-asr-1.7b-hf", kWide},
    ModelName{"whisper-large-v3", kWide},
    ModelName{"whisper-large-v3-turbo", kWide},
    ModelName{"large-v3", kWide},
    ModelName{"large-v3-turbo", kWide},
    ModelName{"turbo", kWide},
    ModelName{"distil-large-v3", kWide},
    ModelName{"distil-large-v3.5", kWide},
    ModelName{"whisper-tiny", kNarrow},
    ModelName{"whisper-tiny.en", kNarrow},
    ModelName{"whisper-base", kNarrow},
    ModelName{"whisper-base.en", kNarrow},
    ModelName{"whisper-small", kNarrow},
    ModelName{"whisper-small.en", kNarrow},
    ModelName{"whisper-medium", kNarrow},
    ModelName{"whisper-medium.en", kNarrow},
    ModelName{"whisper-large", kNarrow},
    ModelName{"whisper-large-v2", kNarrow},
    ModelName{"distil-small.en", kNarrow},
    ModelName{"distil-medium.en", kNarrow},
    ModelName{"distil-large-v2", kNarrow},
};

// The name without the account that publishes it: "openai/", "Qwen/".
std::string WithoutOwner(const std::string& text) {
  return text.substr(text.rfind('/') + 1);
}

// Throws unless the configuration's field, if it is there, has this value.
void RequireField(const json& config, const std::string& path,
                  const char* field, const json& value) {
  const auto found = config.find(field);
  if (found == config.end() || *found == value) return;
  throw SetupError(
      fmt::format("{}: {} is {}, and melmill makes features with {} alone",
                  path, field, found->dump(), value.dump()));
}

json ReadConfig(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    throw SetupError(fmt::format(
        "--preset: {} cannot be read\n  give the folder of a checkpoint that "
        "has this file, or a preset: qwen3-asr, whisper",
        path));
  }
  json config = json::parse(file, nullptr, false);
  if (!config.is_object()) {
    throw SetupError(fmt::format("--preset: {} holds no JSON object", path));
  }
  return config;
}

// The preset that makes the features of a checkpoint's feature extractor.
std::string_view PresetOfCheckpoint(const std::string& folder) {
  const std::string path = folder + '/' + kProcessorFile;
  const json config = ReadConfig(path);
  const auto type = config.find("feature_extractor_type");
  const bool is_known =
      type != config.end() && (*type == "WhisperFeatureExtractor" ||
                               *type == "Qwen3ASRFeatureExtractor");
  if (!is_known) {
    throw SetupError(fmt::format(
        "{}: feature_extractor_type is {}, and melmill makes the features of "
        "WhisperFeatureExtractor and Qwen3ASRFeatureExtractor alone",
        path, type == config.end() ? "missing" : type->dump()));
  }
  const LogMelOptions& served = FindPreset(kWide)->log_mel;
  RequireField(config, path, "sampling_rate", served.mel.sample_rate_hz);
  RequireField(config, path, "n_fft", served.mel.n_fft);
  RequireField(config, path, "hop_length", served.hop_length);
  RequireField(config, path, "dither", 0.0);
  const auto size = config.find("feature_size");
  const json n_mels = size == config.end() ? json(80) : *size;
  for (const std::string_view name : {kWide, kNarrow}) {
    if (n_mels == FindPreset(name)->log_mel.mel.n_mels) return name;
  }
  throw SetupError(fmt::format(
      "{}: feature_size is {}, and melmill makes features with 80 or 128 mels "
      "alone",
      path, n_mels.dump()));
}

std::optional<std::string_view> PresetOfModel(const std::string& text) {
  const std::string name = AsciiLower(WithoutOwner(text));
  if (name == "qwen3-asr") return kWide;
  for (const ModelName& model : kModels) {
    if (name == model.name) return model.preset;
  }
  return std::nullopt;
}

}  // namespace

bool IsLargeWhisper(const std::string& text) {
  return PresetOfModel(text) == kWide &&
         !AsciiLower(WithoutOwner(text)).starts_with("qwen");
}

std::string_view ChoosePreset(const std::string& text) {
  if (const Preset* preset = FindPreset(text)) return preset->name;
  std::error_code ignored;
  if (std::filesystem::is_directory(text, ignored)) {
    return PresetOfCheckpoint(text);
  }
  if (const auto preset = PresetOfModel(text)) return *preset;
  std::vector<std::string> names;
  for (const std::string_view name : PresetNames()) names.emplace_back(name);
  for (const ModelName& model : kModels) names.emplace_back(model.name);
  const std::string name = AsciiLower(WithoutOwner(text));
  // Version 3 has other features than the sizes before it.
  std::string hint = name.find("v3") != std::string::npos &&
                             name.find("whisper") != std::string::npos
                         ? "\n  did you mean whisper-large-v3?"
                         : DidYouMean(name, names);
  if (hint.empty()) hint = "\n  give a model, or the folder of its checkpoint";
  throw SetupError(fmt::format("--preset {}: the presets are {}{}", text,
                               fmt::join(PresetNames(), " and "), hint));
}

}  // namespace melmill
