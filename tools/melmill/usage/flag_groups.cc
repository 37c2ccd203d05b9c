#include "tools/melmill/usage/flag_groups.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "io/manifest/language.h"
#include "pipeline/setup/preset.h"

namespace melmill {
namespace {

constexpr const char* kInput = "Input";
constexpr const char* kFeatures = "Features";
constexpr const char* kStore = "Store";
constexpr const char* kMachine = "Machine";
constexpr const char* kMessages = "Messages";

std::vector<std::string> Presets() {
  const std::vector<std::string_view> names = PresetNames();
  return {names.begin(), names.end()};
}

std::vector<std::string> Languages() {
  const std::span<const std::string_view> names = KnownLanguages();
  return {names.begin(), names.end()};
}

constexpr FlagPlace kPlaces[] = {
    {"MANIFEST", kInput, "MANIFEST"},
    {"STORE", kInput, "STORE"},
    {"SPLIT", kInput, "SPLIT"},
    {"STAGE", kInput, "STAGE"},
    {"WHAT", kInput, "WHAT"},
    {"--audio", kInput, "PATH"},
    {"--audio-root", kInput, "FOLDER"},
    {"--audio-field", kInput, "NAME"},
    {"--text-field", kInput, "NAME"},
    {"--language", kInput, "NAME", Languages},
    {"--language-field", kInput, "NAME"},
    {"--keep", kInput, "FIELD"},
    {"--max-duration", kInput, "SECONDS"},
    {"--max-rejects", kInput, "N or P%"},
    {"--segments", kInput, nullptr},
    {"--whole-files", kInput, nullptr},
    {"--no-text", kInput, nullptr},
    {"--strict-text", kInput, nullptr},
    {"--preset", kFeatures, "PRESET", Presets},
    {"--dtype", kFeatures, "f16|f32|bf16|u8"},
    {"--resampler", kFeatures, "spectral|soxr"},
    {"--truncate", kFeatures, nullptr},
    {"--out", kStore, "FOLDER"},
    {"--shard-size", kStore, "SIZE"},
    {"--part", kStore, "I/N"},
    {"--shards", kStore, "A-B,C"},
    {"--dry-run", kStore, nullptr},
    {"--update", kStore, nullptr},
    {"--verify-resume", kStore, nullptr},
    {"--rehash", kStore, nullptr},
    {"--trust-audio", kStore, nullptr},
    {"--repair", kStore, nullptr},
    {"--against-audio", kStore, "N"},
    {"--row", kStore, "N"},
    {"--limit", kStore, "N"},
    {"--threads", kMachine, "N"},
    {"--io-threads", kMachine, "N"},
    {"--memory", kMachine, "SIZE"},
    {"--simd", kMachine, "auto|avx512|avx2|neon|sse4|none"},
    {"--hang-after", kMachine, "SECONDS"},
    {"--grace", kMachine, "SECONDS"},
    {"--rounds", kMachine, "N"},
    {"--config", kMessages, "FILE"},
    {"--json", kMessages, nullptr},
    {"--jsonl", kMessages, nullptr},
    {"--settings", kMessages, nullptr},
    {"--missing", kMessages, nullptr},
    {"--list", kMessages, nullptr},
    {"--quiet", kMessages, nullptr},
    {"--color", kMessages, "auto|always|never"},
    {"--help", kMessages, nullptr},
    {"--version", kMessages, nullptr},
};

}  // namespace

const FlagPlace* FindFlagPlace(std::string_view long_name) {
  const auto* const found = std::find_if(
      std::begin(kPlaces), std::end(kPlaces),
      [&](const FlagPlace& place) { return place.long_name == long_name; });
  return found == std::end(kPlaces) ? nullptr : found;
}

}  // namespace melmill
