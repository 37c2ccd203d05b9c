#ifndef MELMILL_TOOLS_MELMILL_FLAGS_PRESET_CHOICE_H_
#define MELMILL_TOOLS_MELMILL_FLAGS_PRESET_CHOICE_H_

#include <string>
#include <string_view>

namespace melmill {

// The preset that --preset asks for: by its own name, by the name of a model
// ("Qwen/Qwen3-ASR-1.7B", "openai/whisper-small", "whisper-large-v3-turbo"), or
// by a folder with a checkpoint, whose preprocessor_config.json is read and
// must ask for the features of a preset. Throws SetupError for anything else.
std::string_view ChoosePreset(const std::string& text);

// Whether --preset names a Whisper model that shares its features with
// Qwen3-ASR. Its texts are plain, and it takes clips of at most
// kWhisperSeconds.
bool IsLargeWhisper(const std::string& text);

inline constexpr double kWhisperSeconds = 30;

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_FLAGS_PRESET_CHOICE_H_
