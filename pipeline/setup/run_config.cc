#include "pipeline/setup/run_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
#include <string_view>
#include <system_error>

#include "io/manifest/language.h"
#include "io/manifest/utf8.h"
#include "pipeline/setup/setup_error.h"
#include "store/hdf5/h5_file.h"
#include "store/split_name.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

bool IsNameCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
}

// The kept fields share one attribute of the plan file with the rest of its
// description.
constexpr size_t kMaxKeptBytes = kMaxAttributeBytes - 200;

constexpr uint64_t kMinShardBytes = 1;
constexpr uint64_t kMaxShardBytes = uint64_t{1} << 40;

// Whether a kept field may have this name.
bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         std::all_of(name.begin(), name.end(), IsNameCharacter);
}

void CheckSplits(const ManifestInput& input) {
  if (input.splits.empty()) throw SetupError("no manifest given");
  std::map<std::string, std::string> names;  // by the names of files
  for (const SplitInput& split : input.splits) {
    if (!IsSplitName(split.name)) {
      throw SetupError(fmt::format(
          "\"{}\" cannot name a split: use 1 to 64 characters without control "
          "characters, as in NAME={}",
          Printable(split.name), Printable(split.Shown())));
    }
    const auto [other, is_new] =
        names.emplace(SplitFileStem(split.name), split.name);
    if (is_new) continue;
    if (other->second == split.name) {
      throw SetupError(fmt::format(
          "two manifests would be the split \"{}\": name them, as in "
          "NAME={}",
          split.name, Printable(split.Shown())));
    }
    throw SetupError(fmt::format(
        "the splits \"{}\" and \"{}\" would both have files named {}.*: name "
        "one of them, as in NAME={}",
        other->second, split.name, other->first, Printable(split.Shown())));
  }
}

void CheckFields(const ManifestInput& input, const Preset& preset) {
  const ManifestFields& fields = input.fields;
  if (fields.audio.empty())
    throw SetupError("--audio-field: the name is empty");
  if (fields.text.empty()) throw SetupError("--text-field: the name is empty");
  if (fields.audio == fields.text) {
    throw SetupError(fmt::format(
        "--audio-field and --text-field are both \"{}\"", fields.text));
  }
  if (fields.language.empty() && fields.language_field.empty()) return;
  if (!preset.check_template || input.plain_texts) {
    throw SetupError(fmt::format(
        "--language and --language-field: {} takes plain texts, "
        "without \"language {{Name}}<asr_text>\"",
        input.plain_texts ? "this model"
                          : fmt::format("the preset {}", preset.name)));
  }
  if (!fields.language.empty() && LanguageName(fields.language).empty()) {
    throw SetupError(fmt::format(
        "--language {}: give a name such as English, or the code of one of "
        "Qwen3-ASR's languages, such as en",
        Printable(fields.language)));
  }
}

void CheckKeptFields(const ManifestInput& input) {
  const std::vector<std::string>& kept_fields = input.kept_fields;
  std::set<std::string> fields = {"audio", "text", "prompt", input.fields.audio,
                                  input.fields.text};
  for (const std::string& field : kept_fields) {
    if (!IsPlainName(field)) {
      throw SetupError(fmt::format(
          "--keep {}: a field's name may hold letters, digits, '-' and '_'",
          field));
    }
    if (fields.insert(field).second) continue;
    const bool is_twice =
        std::count(kept_fields.begin(), kept_fields.end(), field) > 1;
    throw SetupError(
        fmt::format("--keep {}: {}", field,
                    is_twice ? "given twice" : "this field is stored anyway"));
  }
  size_t num_bytes = 0;  // with quotes and commas
  for (const std::string& field : kept_fields) {
    num_bytes += field.size() + 3;
  }
  if (num_bytes > kMaxKeptBytes) {
    throw SetupError(fmt::format(
        "--keep: the names of {} fields take {} bytes; {} is the most",
        kept_fields.size(), num_bytes, kMaxKeptBytes));
  }
}

}  // namespace

bool MaxRejects::Allows(uint64_t num_rejected, uint64_t num_lines) const {
  if (num_rejected <= at_least) return true;
  if (!is_percent) return static_cast<double>(num_rejected) <= value;
  // Neither a share of 0.7 nor its product is exact as a double. Each is
  // rounded once and must not fall below the number that it stands for.
  constexpr double kRounding = 4 * std::numeric_limits<double>::epsilon();
  return static_cast<double>(num_rejected) * 100 <=
         value * static_cast<double>(num_lines) * (1 + kRounding);
}

void CheckResources(const Resources& resources) {
  if (resources.num_threads < 0 || resources.num_threads > 1024) {
    throw SetupError("--threads must be 1 to 1024, or 0 for all CPUs");
  }
  for (const int num_threads :
       {resources.num_plan_threads, resources.num_io_threads}) {
    if (num_threads < 1 || num_threads > 1024) {
      throw SetupError("--io-threads must be 1 to 1024");
    }
  }
  if (!(resources.hang_seconds >= 1 &&
        resources.hang_seconds <= kMaxHangSeconds)) {
    throw SetupError(fmt::format(
        "--hang-after must be 1 to {:.0f} seconds (a year)", kMaxHangSeconds));
  }
  if (resources.memory_bytes < 2 * kBaseMemoryBytes) {
    throw SetupError(fmt::format("--memory must be at least {}MiB",
                                 2 * kBaseMemoryBytes >> 20));
  }
  if (!(resources.grace_seconds >= 0 &&
        resources.grace_seconds <= kMaxGraceSeconds)) {
    throw SetupError(fmt::format("--grace must be 0 to {:.0f} seconds (a day)",
                                 kMaxGraceSeconds));
  }
}

void CheckConfig(const RunConfig& config) {
  CheckSplits(config.input);
  CheckKeptFields(config.input);
  const Preset& preset = *config.features.preset;
  CheckFields(config.input, preset);
  if (config.clips.truncate && preset.max_num_samples == 0) {
    throw SetupError(fmt::format(
        "--truncate: the preset {} takes clips of any length", preset.name));
  }
  if (!(config.clips.max_duration_s > 0)) {
    throw SetupError("--max-duration must be above 0 seconds");
  }
  CheckResources(config.resources);
  if (config.store.shard_bytes &&
      (*config.store.shard_bytes < kMinShardBytes ||
       *config.store.shard_bytes > kMaxShardBytes)) {
    throw SetupError("--shard-size must be at most 1TiB");
  }
}

Origin MakeOrigin(const RunConfig& config) {
  Origin origin = {.command = config.store.command};
  std::error_code ignored;
  origin.working_folder = std::filesystem::current_path(ignored);
  const std::string& root = config.input.audio_root;
  if (!root.empty()) origin.audio_root = AbsolutePath(root);
  return origin;
}

ManifestOptions MakeManifestOptions(const RunConfig& config) {
  ManifestOptions options;
  options.fields = config.input.fields;
  options.require_text = config.input.require_text;
  options.check_template =
      config.features.preset->check_template && !config.input.plain_texts;
  options.strict_text = config.input.strict_text;
  options.kept_fields = config.input.kept_fields;
  options.segments = config.input.segments;
  return options;
}

std::string ResolveAudioPath(const std::string& audio_root,
                             const std::string& written_path) {
  if (audio_root.empty() || written_path.starts_with('/')) return written_path;
  return audio_root.ends_with('/') ? audio_root + written_path
                                   : audio_root + '/' + written_path;
}

}  // namespace melmill
