#include "tools/melmill/usage/flag_groups.h"

#include <CLI/CLI.hpp>

namespace melmill {
namespace {

struct Placing {
  const char* flag;
  const char* group;
  const char* value;  // nullptr: it takes none
};

constexpr const char* kInput = "Input";
constexpr const char* kFeatures = "Features";
constexpr const char* kStore = "Store";
constexpr const char* kMachine = "Machine";
constexpr const char* kMessages = "Messages";

constexpr Placing kPlacings[] = {
    {"MANIFEST", kInput, "MANIFEST"},
    {"STORE", kInput, "STORE"},
    {"SPLIT", kInput, "SPLIT"},
    {"STAGE", kInput, "STAGE"},
    {"WHAT", kInput, "WHAT"},
    {"--audio", kInput, "PATH"},
    {"--audio-root", kInput, "FOLDER"},
    {"--audio-field", kInput, "NAME"},
    {"--text-field", kInput, "NAME"},
    {"--language", kInput, "NAME"},
    {"--language-field", kInput, "NAME"},
    {"--keep", kInput, "FIELD"},
    {"--max-duration", kInput, "SECONDS"},
    {"--max-rejects", kInput, "N or P%"},
    {"--whole-files", kInput, nullptr},
    {"--no-text", kInput, nullptr},
    {"--strict-text", kInput, nullptr},
    {"--preset", kFeatures, "PRESET"},
    {"--dtype", kFeatures, "f16|f32|bf16"},
    {"--resampler", kFeatures, "spectral|soxr"},
    {"--truncate", kFeatures, nullptr},
    {"--out", kStore, "FOLDER"},
    {"--shard-size", kStore, "SIZE"},
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
    {"--rounds", kMachine, "N"},
    {"--config", kMessages, "FILE"},
    {"--json", kMessages, nullptr},
    {"--jsonl", kMessages, nullptr},
    {"--settings", kMessages, nullptr},
    {"--list", kMessages, nullptr},
    {"--quiet", kMessages, nullptr},
    {"--color", kMessages, "auto|always|never"},
};

}  // namespace

void GroupFlags(CLI::App* app) {
  app->get_help_ptr()->group(kMessages);
  app->get_option("--version")->group(kMessages);
  for (CLI::App* command :
       app->get_subcommands([](const CLI::App*) { return true; })) {
    command->get_help_ptr()->description("Show this help")->group(kMessages);
    for (const Placing& placing : kPlacings) {
      CLI::Option* option = command->get_option_no_throw(placing.flag);
      if (option == nullptr) continue;
      option->group(placing.group);
      if (placing.value != nullptr) option->type_name(placing.value);
    }
  }
}

}  // namespace melmill
